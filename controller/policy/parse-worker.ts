import { parentPort, workerData } from 'node:worker_threads'

import { ConfigError } from '../../common/config-error.js'
import { parsePolicy } from './policy-file.js'
import type { ParseAnswer, ParseTask } from './policy-parser.js'

/** A thread that parses one policy and ends. */

const { text, file }: ParseTask = workerData
parentPort?.postMessage(answer(), [])

function answer(): ParseAnswer {
  try {
    return { parsed: parsePolicy(text, file) }
  } catch (error) {
    if (error instanceof ConfigError) return { problems: error.problems }
    throw error
  }
}
