// Says again which tests failed, since their output is far above by now, adds up what the test runner counted, and prints
// that as the last line. Skipped tests and missing results are failures.
import { existsSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'

/** Of a failure's text, its first lines: what was expected and got. */
const first = (text) => text.split('\n').slice(0, 6).join('\n    ')

let passed = 0
let failed = 0
let skipped = 0
for (const file of process.argv.slice(2)) {
  if (!existsSync(file)) {
    console.log(`no result file ${file}: a run did not end`)
    failed += 1
    continue
  }
  const result = JSON.parse(readFileSync(file, 'utf8'))
  passed += result.numPassedTests
  failed += result.numFailedTests
  skipped += result.numPendingTests + result.numTodoTests
  for (const one of result.testResults) {
    const name = relative(process.cwd(), one.name)
    for (const test of one.assertionResults) {
      if (test.status === 'failed')
        console.log(`FAILED ${name}: ${test.fullName}\n    ${first(test.failureMessages.join('\n'))}`)
      else if (test.status !== 'passed') console.log(`SKIPPED ${name}: ${test.fullName}`)
    }
    // A file that could not be loaded has no tests that failed, and is a failure all the same.
    if (one.status === 'failed' && one.assertionResults.length === 0) {
      console.log(`FAILED ${name}\n    ${first(one.message)}`)
      failed += 1
    }
  }
}
if (skipped > 0) console.log(`${skipped} tests were skipped`)
console.log(`tests: ${passed} passed, ${failed + skipped} failed`)
process.exit(failed + skipped === 0 && passed > 0 ? 0 : 1)
