import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface RunOptions {
  readonly timeoutMs?: number
  readonly env?: NodeJS.ProcessEnv
}

/** Runs a program to its end and gives what it printed. @throws with what it said on failure */
export async function runProgram(
  program: string,
  args: readonly string[],
  { timeoutMs = 60_000, env = process.env }: RunOptions = {},
): Promise<string> {
  const { stdout } = await run(program, [...args], { timeout: timeoutMs, env, maxBuffer: 64 * 2 ** 20 })
  return stdout
}

/** Works on all of them, on some at a time. */
export async function inParallel<Item>(
  most: number,
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const left = items.values()
  const worker = async (): Promise<void> => {
    for (const item of left) await work(item)
  }
  await Promise.all(Array.from({ length: most }, worker))
}
