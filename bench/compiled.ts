/**
 * Runs a script of this folder compiled as the package is, with the garbage collector at hand.
 *
 *     tsx bench/compiled.ts spill.ts [its options]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { compile } from './compile.js';

const [entry = '', ...options] = process.argv.slice(2);
const script = await compile(entry);
const child = spawn(process.execPath, ['--expose-gc', script, ...options], { stdio: 'inherit' });
const [code] = await once(child, 'exit');
process.exitCode = code ?? 1;
