// Types, lint and build at the same time: each keeps only one core busy for part of its time. Prints what failed.
import { spawn } from 'node:child_process'

const checks = ['types', 'lint', 'build']

/** Resolves to the exit code, and to what the script printed. */
function run(script) {
  return new Promise((resolve, reject) => {
    const child = spawn('npm', ['run', '--silent', script], { stdio: ['ignore', 'pipe', 'pipe'] })
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
