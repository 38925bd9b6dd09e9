import { useContext, useState } from 'preact/hooks'
import { PageContext } from '../state/page-context.js'

/** Sends what is to be changed, and says what came of it. */
export interface Sent {
  /** @returns the answer; undefined if it was refused, which `note` then says */
  readonly send: <T>(path: string, body: object) => Promise<T | undefined>
  readonly note: preact.ComponentChild
  readonly sending: boolean
}

export function useSent(): Sent {
  const { client } = useContext(PageContext)
  const [problem, setProblem] = useState('')
  const [sending, setSending] = useState(false)
  async function send<T>(path: string, body: object): Promise<T | undefined> {
    setSending(true)
    const answer = await client.ask<T>(path, body)
    setSending(false)
    setProblem(answer.status === 'refused' || answer.status === 'unreachable' ? answer.message : '')
    return answer.status === 'ok' ? answer.value : undefined
  }
  const note =
    problem === '' ? null : (
      <p role="alert" class="tone-bad">
        Not done: {problem}
      </p>
    )
  return { send, note, sending }
}

/** Of whatever a list could not be read. */
export function ReadProblem({ problem }: { readonly problem: string }) {
  return problem === '' ? null : <p class="tone-bad">It could not be read: {problem}.</p>
}
