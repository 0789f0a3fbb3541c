// The same as `npx brownout demo`: the story lives in src/cli/demo/, so that the installed package has it.
if (process.argv[2] !== 'demo') process.argv.splice(2, 0, 'demo');
await import('../src/cli/main.js');
