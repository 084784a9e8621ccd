// Types, lint and build at the same time: each keeps only one core busy for part of its time. Prints what failed.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const checks = ['types', 'lint', 'build']
const env = { ...process.env, PATH: `${join(root, 'node_modules/.bin')}${delimiter}${process.env.PATH}` }

/** Resolves to the exit code, and to what the script printed. Without npm, which takes as long to start as some of them take. */
function run(script) {
  return new Promise((resolve, reject) => {
    const child = spawn(scripts[script], { shell: true, cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
    child.on('error', reject)
    child.on('close', (code) => resolve({ script, code: code ?? 1, output }))
  })
}

for (const { script, code, output } of await Promise.all(checks.map(run))) {
  console.log(`${script}: ${code === 0 ? 'passed' : 'failed'}`)
  if (code !== 0) {
    process.stdout.write(output)
    process.exitCode = 1
  }
}
