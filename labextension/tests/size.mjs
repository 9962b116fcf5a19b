/** Checks the promise of the design: what a page loads of ours, compressed. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const FOLDER = 'jupyter_mlops/labextension/static';
const KILO = 1000;

/** Budgets in kB, with the chunks that count against each. */
const BUDGETS = {
  'start-up': [25, /^(remoteEntry|labextension_lib_index|labextension_style|style|\d+\.|.*jsx-runtime)/],
  panel: [50, /^labextension_lib_(shell|actions|kernel-card|deployments|keeping)/],
  graph: [100, /.*/]
};

const spent = { 'start-up': 0, panel: 0, graph: 0 };
for (const file of readdirSync(FOLDER).filter(name => name.endsWith('.js'))) {
  const bytes = gzipSync(readFileSync(join(FOLDER, file)), { level: 9 }).length;
  const [part] = Object.entries(BUDGETS).find(([, [, names]]) => names.test(file));
  spent[part] += bytes;
  console.log(`${String(bytes).padStart(8)}  ${part.padEnd(9)} ${file}`);
}

let over = false;
for (const [part, [budget]] of Object.entries(BUDGETS)) {
  const used = spent[part] / KILO;
  over ||= used > budget;
  console.log(`${part}: ${used.toFixed(1)} of ${budget} kB`);
}
process.exitCode = over ? 1 : 0;
