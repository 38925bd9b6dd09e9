import { setMaxListeners } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Backoff } from '../../../common/backoff.js'
import { pause } from '../../../common/lifecycle.js'
import type { Log } from '../../../common/log.js'
import { HypervisorDenied, HypervisorUnavailable } from '../hypervisor.js'
import { RetryGate } from './retry-gate.js'
import { channelArguments, masterArguments, type ChannelWord, type SshTarget } from './ssh-arguments.js'
import { SshChannel } from './ssh-channel.js'
import { channelFailure, connectionFailure, connectionLoss } from './ssh-failure.js'

export interface SshLinkOptions {
  readonly target: SshTarget
  readonly log: Log
  readonly monotonicMs: () => number
}

interface Master {
  readonly controlPath: string
  /** Resolves, with the reason, when the connection is over. */
  readonly over: Promise<Error>
}

const connectDeadlineMs = 20_000
const openDeadlineMs = 10_000
const retry = { baseMs: 500, capMs: 15_000 } as const
/** A connection that lasted so long was no mistake. */
const lastingMs = 10_000
/** The end of a connection ends its channels first. */
const graceMs = 500

/**
 * The one connection to a host over ssh, made when somebody wants a channel of it. While there is none, it is tried as often as
 * its backoff allows, whoever asks.
 */
export class SshLink {
  readonly #options: SshLinkOptions
  readonly #gate: RetryGate
  readonly #closing = new AbortController()
  /** Processes and directories that are still there. */
  readonly #remains = new Set<Promise<void>>()
  #master: Promise<Master> | undefined
  #told = ''

  constructor(options: SshLinkOptions) {
    this.#options = options
    this.#gate = new RetryGate(new Backoff(retry), options.monotonicMs)
    setMaxListeners(0, this.#closing.signal)
  }

  /** @throws HypervisorDenied (its key, ours), HypervisorUnavailable */
  async open(word: Exclude<ChannelWord, 'hold'>): Promise<SshChannel> {
    const { target } = this.#options
    const master = await this.#connected()
    const channel = await SshChannel.open({
      args: channelArguments(target, master.controlPath, word),
      host: target.host,
      deadlineMs: openDeadlineMs,
      signal: this.#closing.signal,
      explain: async (said) =>
        (await Promise.race([master.over, pause(graceMs, this.#closing.signal)])) ?? channelFailure(said, target),
    })
    this.#remember(channel.gone)
    return channel
  }

  /** Ends all processes and leaves nothing behind. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#master?.catch(() => undefined)
    await Promise.all(this.#remains)
  }

  #remember(remains: Promise<void>): void {
    this.#remains.add(remains)
    void remains.then(() => this.#remains.delete(remains))
  }

  #connected(): Promise<Master> {
    if (this.#closing.signal.aborted) return Promise.reject(new HypervisorUnavailable('the connection was closed'))
    if (this.#master !== undefined) return this.#master
    const refusal = this.#gate.refusal()
    if (refusal !== undefined) return Promise.reject(refusal)
    const master = this.#connect()
    this.#master = master
    master.catch((error: unknown) => {
      this.#master = undefined
      this.#failed(error instanceof Error ? error : new Error(String(error)))
    })
    return master
  }

  async #connect(): Promise<Master> {
    const { target, log, monotonicMs } = this.#options
    // A place of our own, that nobody else may look into.
    const directory = await mkdtemp(join(shortTemporary(), 'headroom-ssh-'))
    const clear = (): Promise<void> => rm(directory, { recursive: true, force: true })
    const controlPath = join(directory, 'shared')
    let channel: SshChannel
    try {
      channel = await SshChannel.open({
        args: masterArguments(target, controlPath),
        host: target.host,
        deadlineMs: connectDeadlineMs,
        signal: this.#closing.signal,
        explain: (said, wasReady) => (wasReady ? connectionLoss(said, target) : connectionFailure(said, target)),
      })
    } catch (error) {
      await clear()
      throw error
    }
    this.#remember(channel.gone.then(clear))
    channel.resume()
    log.info({ address: target.host }, 'connected over ssh')
    this.#told = ''
    const sinceMs = monotonicMs()
    const over = new Promise<Error>((resolve) => {
      channel.once('error', resolve)
    })
    void over.then((reason) => {
      this.#master = undefined
      if (monotonicMs() - sinceMs >= lastingMs) this.#gate.worked()
      this.#failed(reason)
    })
    return { controlPath, over }
  }

  /** Says each problem once. */
  #failed(failure: Error): void {
    this.#gate.failed(failure)
    if (this.#closing.signal.aborted || this.#told === failure.message) return
    this.#told = failure.message
    const { log, target } = this.#options
    const level = failure instanceof HypervisorDenied ? 'error' : 'warn'
    log[level]({ address: target.host, reason: failure.message }, 'no connection over ssh')
  }
}

/** A unix socket's path has 108 bytes, and ssh adds some to it. */
function shortTemporary(): string {
  return tmpdir().length <= 60 ? tmpdir() : '/tmp'
}
