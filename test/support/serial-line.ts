import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'

/** The two ways of a guest's serial port or console. */
export interface LineEnds {
  readonly heard: Readable
  readonly said: Writable
  readonly close: () => void
}

/** A guest's serial port or console. Only one can listen at a time. */
export class SerialLine {
  readonly #lines: string[] = []
  readonly #ends: LineEnds
  readonly #heard = new Set<() => void>()

  constructor(ends: LineEnds) {
    this.#ends = ends
    for (const stream of [ends.heard, ends.said]) stream.on('error', () => undefined)
    const lines = createInterface({ input: ends.heard })
    // It tells of the stream's error once more.
    lines.on('error', () => undefined)
    lines.on('line', (text) => {
      this.#lines.push(text.trim())
      for (const wake of this.#heard) wake()
    })
  }

  /** As its QEMU offers it on a Unix socket. */
  static async open(file: string): Promise<SerialLine> {
    for (let tries = 0; ; tries += 1) {
      const socket = connect(file)
      try {
        await once(socket, 'connect')
        return new SerialLine({ heard: socket, said: socket, close: () => socket.destroy() })
      } catch (error) {
        if (tries >= 50) throw error
        await delay(100)
      }
    }
  }

  send(text: string): void {
    this.#ends.said.write(`${text}\n`)
  }

  /** Sends a command and waits until it is done. Gives what the guest said meanwhile. */
  async ask(command: string, timeoutMs: number): Promise<string[]> {
    const done = this.waitFor(`done ${command.split(' ')[0] ?? ''}`, timeoutMs)
    this.send(command)
    return done
  }

  /** Takes lines until this one comes; gives those before it. */
  async waitFor(wanted: string, timeoutMs: number): Promise<string[]> {
    const timeout = AbortSignal.timeout(timeoutMs)
    for (;;) {
      const at = this.#lines.indexOf(wanted)
      if (at >= 0) return this.#lines.splice(0, at + 1).slice(0, -1)
      if (timeout.aborted)
        throw new Error(`the guest did not say "${wanted}", but: ${this.#lines.slice(-20).join(' | ')}`)
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#heard.delete(wake)
          timeout.removeEventListener('abort', wake)
          resolve()
        }
        this.#heard.add(wake)
        timeout.addEventListener('abort', wake)
      })
    }
  }

  close(): void {
    this.#ends.close()
  }
}
