import { readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'

import { z } from 'zod'

import { errorCode } from '../../common/error-code.js'
import { planLab, type LabPlan } from './plan.js'

const processIdentity = z.object({ pid: z.int().positive(), startTicks: z.string() })

/** `lab.json` in a lab's directory: what another process needs to go on with a lab. */
const labState = z.object({
  id: z.string().regex(/^[\w-]+$/),
  shape: z.object({
    hosts: z.int(),
    guests: z.int(),
    disksMiB: z.array(z.number()),
    arrays: z.array(z.string()).default([]),
    hostLunMiB: z.number().optional(),
    seed: z.string(),
  }),
  startedAt: z.string(),
  /** False until all guests have booted. */
  complete: z.boolean(),
  /** Process 1 of the lab, as seen from outside; absent while it is being started. */
  world: processIdentity.optional(),
  /** Processes 1 of the machines, by name. */
  machines: z.record(z.string(), processIdentity),
})
export type LabState = z.output<typeof labState>

const fileName = 'lab.json'

/** Undefined if there is no lab in this directory. */
export async function readLabState(dir: string): Promise<LabState | undefined> {
  let text: string
  try {
    text = await readFile(path.join(dir, fileName), 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
  return labState.parse(JSON.parse(text))
}

export async function writeLabState(dir: string, state: LabState): Promise<void> {
  const file = path.join(dir, fileName)
  await writeFile(`${file}.new`, `${JSON.stringify(state, undefined, 2)}\n`)
  await rename(`${file}.new`, file)
}

export function planOf({ shape }: LabState): LabPlan {
  return planLab(shape)
}
