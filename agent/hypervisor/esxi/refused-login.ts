/** vSphere locks an account after five wrong passwords: one that was refused is not tried again for so long. */
const pauseMs = 5 * 60_000

/** The last password that a server refused. Outlives the session that tried it: an entry that cannot be opened gets new ones. */
export class RefusedLogin {
  #last: { readonly password: string; readonly untilMs: number; readonly message: string } | undefined

  note(password: string, message: string, nowMs: number): void {
    this.#last = { password, message, untilMs: nowMs + pauseMs }
  }

  /** What the server said of this password lately. */
  recall(password: string, nowMs: number): string | undefined {
    return this.#last?.password === password && nowMs < this.#last.untilMs ? this.#last.message : undefined
  }
}
