// Adds up what the test runner counted, and prints it as the last line. Skipped tests and missing results are failures.
import { existsSync, readFileSync } from 'node:fs'

let passed = 0
let failed = 0
let skipped = 0
for (const file of process.argv.slice(2)) {
  if (!existsSync(file)) {
    console.error(`no result file ${file}: a run did not end`)
    failed += 1
    continue
  }
  const result = JSON.parse(readFileSync(file, 'utf8'))
  passed += result.numPassedTests
  // A file that could not be loaded has no tests that failed, and is a failure all the same.
  const brokenFiles = result.testResults.filter((one) => one.status === 'failed' && one.assertionResults.length === 0)
  failed += result.numFailedTests + brokenFiles.length
  skipped += result.numPendingTests + result.numTodoTests
}
if (skipped > 0) console.error(`${skipped} tests were skipped`)
console.log(`tests: ${passed} passed, ${failed + skipped} failed`)
process.exit(failed + skipped === 0 && passed > 0 ? 0 : 1)
