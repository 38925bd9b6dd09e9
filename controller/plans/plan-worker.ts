import { parentPort, workerData } from 'node:worker_threads'

import { answerOf, type PlanTask } from './plan-task.js'

/** A thread that makes one plan and ends. */

const task: PlanTask = workerData
parentPort?.postMessage(answerOf(task), [])
