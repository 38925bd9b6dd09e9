import { resolve } from 'node:path'

import { ConfigError, type ConfigProblem } from '../../common/config-error.js'
import { pause } from '../../common/lifecycle.js'
import type { Log } from '../../common/log.js'
import type { Policy } from '../model/policy.js'
import { defaultPolicy, wrongFile, type ParsedPolicy } from './policy-file.js'
import type { PolicyHistory } from './policy-history.js'
import { PolicyParser } from './policy-parser.js'
import { policyHash, type PolicyVersion, type StoredVersion } from './policy-version.js'
import { fileMark, readPolicyFile, type PolicyFileContent } from './read-policy-file.js'

/** The policy in force, where it comes from, and what is wrong with its file since then. */
export interface PolicyInForce extends ParsedPolicy {
  /** Absent where the configuration names no file. */
  readonly file: string | undefined
  /** Absent without a file, and while the history could not be written. */
  readonly version: PolicyVersion | undefined
  /** The file as it is now is not what is in force. */
  readonly problem: PolicyProblem | undefined
}

export interface PolicyProblem {
  readonly since: number
  readonly problems: readonly ConfigProblem[]
  /** One line for each. */
  readonly message: string
}

export interface LivePolicyOptions {
  readonly file: string | undefined
  readonly history: Pick<PolicyHistory, 'last' | 'record'>
  readonly log: Log
  readonly now: () => number
}

type Occasion = StoredVersion['occasion']

/** Twice this passes, at most, until a change counts. */
const lookEveryMs = 500
const stopWithinMs = 1000
/** After a version could not be recorded. */
const recordAgainAfterMs = 60_000

/**
 * The policy, read again when its file changes. The file is looked at again and again rather than watched: that sees writing in place,
 * editors that replace, links that are changed anywhere on the way to it (as Kubernetes does), and file systems of other machines, all in
 * one way. What changed has to stay the same from one look to the next before it is read, so that half a file is not taken for a whole.
 * A bad file never replaces a good policy.
 */
export class LivePolicy {
  /** Files that came and were refused, and that were taken, since the start. */
  readonly counts = { taken: 0, refused: 0 }
  readonly #parser: PolicyParser
  #inForce: PolicyInForce
  /** Of the last look, and of the content that was last judged. */
  #seen = ''
  #judged = ''
  #looking: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  /** The version in force, while the history did not take it, and when it is tried again. */
  #unrecorded:
    | { readonly content: PolicyFileContent; readonly occasion: Occasion; readonly againAt: number }
    | undefined

  private constructor(
    private readonly options: LivePolicyOptions,
    parser: PolicyParser,
    inForce: PolicyInForce,
  ) {
    this.#parser = parser
    this.#inForce = inForce
  }

  /**
   * Reads the file. If it is bad or gone, the last good version of it stays in force, where there is one.
   * @throws ConfigError: it is bad or missing, and there is no version of it before
   */
  static async open(options: LivePolicyOptions): Promise<LivePolicy> {
    const { file, history, now, log } = options
    const nothing = { lines: new Map<string, number>(), file, version: undefined, problem: undefined }
    const parser = new PolicyParser()
    if (file === undefined) return new LivePolicy(options, parser, { policy: defaultPolicy, ...nothing })
    // Before it is read: a change in between is seen by the first look.
    const mark = await fileMark(file)
    try {
      const content = await readPolicyFile(file)
      const live = new LivePolicy(options, parser, { ...(await parser.parse(content.text, file)), ...nothing })
      live.#seen = mark
      live.#judged = mark
      await live.#record(content, 'start')
      return live
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      const last = await history.last()
      const before = last?.file === resolve(file) ? await parsedAgain(parser, last.text, file) : undefined
      if (before === undefined || last === undefined) throw error
      const { text: _text, ...version } = last
      const live = new LivePolicy(options, parser, { ...before, file, version, problem: problemOf(error, now()) })
      live.counts.refused += 1
      live.#seen = mark
      live.#judged = mark
      log.error(
        { file, reason: error.message, version: version.number },
        'the policy file is bad; its last version stays',
      )
      return live
    }
  }

  /** Looks at the file regularly from now on. */
  start(): void {
    if (this.options.file === undefined) return
    this.#timer ??= setInterval(() => void this.look(), lookEveryMs)
  }

  /** A look at a file system that does not answer is not waited for. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    const patience = new AbortController()
    await Promise.race([this.#looking, pause(stopWithinMs, patience.signal)])
    patience.abort()
  }

  inForce(): PolicyInForce {
    return this.#inForce
  }

  policy(): Policy {
    return this.#inForce.policy
  }

  /** One look at the file; while one is under way, that one. Never rejects. */
  look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #lookOnce(): Promise<void> {
    const { file, log } = this.options
    if (file === undefined) return
    try {
      const mark = await fileMark(file)
      const isSettled = mark === this.#seen
      this.#seen = mark
      if (isSettled && mark !== this.#judged) await this.#judge(file, mark)
      else if (this.#unrecorded !== undefined && this.options.now() >= this.#unrecorded.againAt) {
        await this.#record(this.#unrecorded.content, this.#unrecorded.occasion)
      }
    } catch (error) {
      log.error({ err: error, file }, 'the policy file could not be looked at')
    }
  }

  async #judge(file: string, mark: string): Promise<void> {
    try {
      const content = await readPolicyFile(file)
      // Written to while it was read: the next looks tell.
      if ((await fileMark(file)) !== mark) return
      this.#judged = mark
      await this.#take(content, file)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      this.#judged = mark
      this.#refuse(error)
    }
  }

  /** @throws ConfigError */
  async #take(content: PolicyFileContent, file: string): Promise<void> {
    const { log } = this.options
    // What a full disk or an interrupted editor leaves. A comment alone does mean the defaults.
    if (content.text.trim() === '') throw wrongFile(file, 'a policy', 'an empty file')
    const parsed = await this.#parser.parse(content.text, file)
    const isNew = this.#inForce.version?.hash !== policyHash(content.text)
    this.#inForce = { ...(isNew ? { ...this.#inForce, ...parsed } : this.#inForce), problem: undefined }
    this.counts.taken += 1
    if (isNew) await this.#record(content, 'change')
    log.info({ file, version: this.#inForce.version?.number, isNew }, 'policy read again')
  }

  #refuse(error: ConfigError): void {
    const { now, log, file } = this.options
    const since = this.#inForce.problem?.since ?? now()
    this.#inForce = { ...this.#inForce, problem: problemOf(error, since) }
    this.counts.refused += 1
    log.error({ file, reason: error.message }, 'the policy file is bad; the policy before it stays')
  }

  /** A history that cannot be written keeps no policy from counting. */
  async #record(content: PolicyFileContent, occasion: Occasion): Promise<void> {
    const { history, now, log } = this.options
    const { linkTarget, ...rest } = content
    try {
      const version = await history.record({
        ...rest,
        ...(linkTarget !== undefined && { linkTarget }),
        at: now(),
        hash: policyHash(content.text),
        occasion,
      })
      this.#unrecorded = undefined
      this.#inForce = { ...this.#inForce, version }
    } catch (error) {
      this.#unrecorded = { content, occasion, againAt: now() + recordAgainAfterMs }
      this.#inForce = { ...this.#inForce, version: undefined }
      log.error({ err: error }, 'the version of the policy could not be recorded; the policy counts all the same')
    }
  }
}

/** A version that a former release took may be none for this one. */
async function parsedAgain(parser: PolicyParser, text: string, file: string): Promise<ParsedPolicy | undefined> {
  try {
    return await parser.parse(text, file)
  } catch (error) {
    if (error instanceof ConfigError) return undefined
    throw error
  }
}

function problemOf(error: ConfigError, since: number): PolicyProblem {
  return { since, problems: error.problems, message: error.message }
}
