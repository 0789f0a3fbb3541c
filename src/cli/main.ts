#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import { addDemoCommand } from './demo.js';
import { InputError } from './input-error.js';
import { addSimulateCommand } from './simulate.js';
import { addSpillCommand } from './spill.js';
import { addTiersCommand } from './tiers.js';

const { version }: { version: string } = JSON.parse(
	readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
);

// Each subcommand lives in a file of its own and adds itself here.
const program = new Command('brownout')
	.description('Graceful degradation and priority load shedding.')
	.version(version, '-v, --version')
	// The letter that commander would have taken.
	.addOption(new Option('-V').hideHelp())
	.exitOverride();
program.on('option:V', () => {
	process.stdout.write(`${version}\n`);
	process.exit();
});
addDemoCommand(program);
addSimulateCommand(program);
addTiersCommand(program);
addSpillCommand(program);
pointToHelp(program, program.name());

// A reader that has seen enough (`| head`) closes the pipe; that is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
	if (error.code === 'EPIPE') process.exit(0);
	throw error;
});

try {
	await program.parseAsync();
} catch (error) {
	// Exit code 2: what was typed or handed in is wrong. 1 is left for failures of the program, which keep their stack.
	if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
	else if (error instanceof InputError) {
		process.stderr.write(`brownout: ${error.message}\n`);
		process.exitCode = 2;
	} else throw error;
}

/** What is wrong with the arguments of a command is explained by the help of that command. */
function pointToHelp(command: Command, path: string): void {
	command.showHelpAfterError(`(${path} --help shows what there is)`);
	for (const inner of command.commands) pointToHelp(inner, `${path} ${inner.name()}`);
}
