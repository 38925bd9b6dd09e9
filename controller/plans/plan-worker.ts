import { parentPort, workerData } from 'node:worker_threads'

import { madePlan, type PlanTask } from './plan-task.js'

/** A thread that makes one plan and ends. */

const task: PlanTask = workerData
parentPort?.postMessage(madePlan(task), [])
