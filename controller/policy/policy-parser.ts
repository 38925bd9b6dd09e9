import { Worker } from 'node:worker_threads'

import { ConfigError, type ConfigProblem } from '../../common/config-error.js'
import { mostPolicyBytes, parsePolicy, wrongFile, type ParsedPolicy } from './policy-file.js'

/** What the thread is given, and what it answers: an error would lose its class on the way. */
export interface ParseTask {
  readonly text: string
  readonly file: string
}
export type ParseAnswer = { readonly parsed: ParsedPolicy } | { readonly problems: readonly ConfigProblem[] }

/** Shorter ones take less than 100 ms, and a thread as long to start. */
const mostHereCharacters = 16 * 1024
const withinMs = 30_000

/** Thrown where there are too many to parse already. */
export class ParserBusy extends Error {
  override readonly name = 'ParserBusy'
}

/** Parses policies. Long ones take seconds: they get a thread of their own, one after the other, so that nothing else waits for them. */
export class PolicyParser {
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  /** @param mostWaiting long ones, the one that is read included */
  constructor(private readonly mostWaiting = 8) {}

  /**
   * As `parsePolicy` does.
   * @throws ConfigError naming every problem
   * @throws ParserBusy
   */
  async parse(text: string, file: string): Promise<ParsedPolicy> {
    if (text.length <= mostHereCharacters || text.length > mostPolicyBytes) return parsePolicy(text, file)
    if (this.#waiting >= this.mostWaiting) throw new ParserBusy(`${this.mostWaiting} policies wait to be read already`)
    this.#waiting += 1
    const turn = this.#last.then(() => parseApart({ text, file }))
    this.#last = turn.catch(() => undefined)
    try {
      return await turn
    } finally {
      this.#waiting -= 1
    }
  }
}

async function parseApart(task: ParseTask): Promise<ParsedPolicy> {
  const { file } = task
  const fromSource = import.meta.url.endsWith('.ts')
  const url = new URL(fromSource ? './parse-worker-from-source.mjs' : './parse-worker.js', import.meta.url)
  const worker = new Worker(url, { workerData: task })
  const failed = (got: string): ConfigError => wrongFile(file, `a policy that can be read within ${withinMs} ms`, got)
  let timer: NodeJS.Timeout | undefined
  try {
    const answer = await new Promise<ParseAnswer>((resolve, reject) => {
      timer = setTimeout(() => reject(failed('one that takes longer')), withinMs)
      worker.once('message', resolve)
      worker.once('error', (error) => reject(failed(error instanceof Error ? error.message : String(error))))
      worker.once('exit', () => reject(failed('no answer')))
    })
    if ('problems' in answer) throw new ConfigError(file, answer.problems)
    return answer.parsed
  } finally {
    clearTimeout(timer)
    await worker.terminate()
  }
}
