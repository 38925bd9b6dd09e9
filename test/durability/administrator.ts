import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { z } from 'zod'

import { EnrolmentRefused } from '../../agent/report/enrol.js'
import type { Identity } from '../../agent/report/identity.js'
import { authorityView, joinTokenView, newJoinTokenView } from '../../controller/api/views.js'
import { enrolAgent, hostNamed } from '../support/ingest-agent.js'
import type { ControllerApi } from './controller-api.js'
import type { RecordingAgent } from './recording-agent.js'

const tokenList = z.object({ joinTokens: z.array(joinTokenView) })
const agentList = z.object({ agents: z.array(z.object({ id: z.string() })) })

/** What was asked for and not answered before a failure may have happened or not. */
type Certainty = 'yes' | 'no' | 'unsure'

/** A controller that runs, as its administrator and its agents meet it. */
export interface Site {
  readonly api: ControllerApi
  /** host:port where agents connect. */
  readonly address: string
  /** Of the controller. */
  readonly data: string
  /** Aborts with the failure: what is answered later was never answered. */
  readonly signal: AbortSignal
}

/**
 * Makes, uses and revokes join tokens, ends agents, rotates the certificate authority, and writes down what the controller
 * answered. What it answered has to hold after a failure.
 */
export class Administrator {
  #names = 0
  /** Join tokens by their text: whether they are good. */
  readonly #tokens = new Map<string, Certainty>()
  /** Agents whose end was asked for: whether it has come. */
  readonly #ended = new Map<RecordingAgent, Certainty>()
  /** Key of the authority; undefined while nobody knows. */
  #authority: string | undefined
  #hasRotated = false

  constructor(private readonly dir: string) {}

  /** Whether the agent was ended, or may have been. */
  hasEnded(agent: RecordingAgent): boolean {
    return this.#ended.has(agent)
  }

  async makeToken({ api, signal }: Site): Promise<void> {
    const { token } = newJoinTokenView.parse(await api.post('/agents/join-tokens', { valid: '10h' }))
    signal.throwIfAborted()
    this.#tokens.set(token, 'yes')
  }

  async revokeToken({ api, signal }: Site): Promise<void> {
    const token = this.#goodToken()
    if (token === undefined) return
    await acted(this.#tokens, token, 'no', signal, () => api.post(`/agents/join-tokens/${tokenId(token)}/revoke`))
  }

  /** Lets an agent join for one host. Undefined if there is no token to join with. */
  async join({
    address,
    signal,
  }: Site): Promise<{ readonly name: string; readonly number: number; readonly identity: Identity } | undefined> {
    const token = this.#goodToken()
    if (token === undefined) return undefined
    const { name, number, dataDir } = await this.#newName('host')
    const identity = await acted(this.#tokens, token, 'no', signal, () =>
      enrolAgent({ address, token, dataDir, hosts: [hostNamed(name)], signal }),
    )
    return { name, number, identity }
  }

  async end(agent: RecordingAgent, { api, signal }: Site): Promise<void> {
    await acted(this.#ended, agent, 'yes', signal, () => api.post(`/agents/${agent.identity.agentId}/revoke`))
  }

  /** Once: finishing it would need agents that renew. */
  async rotateAuthority({ api, signal }: Site): Promise<void> {
    if (this.#hasRotated) return
    this.#hasRotated = true
    this.#authority = undefined
    const { keyHash } = authorityView.parse(await api.post('/ca/rotate'))
    signal.throwIfAborted()
    this.#authority = keyHash
  }

  /** What is otherwise than it was answered, in words. */
  async look(site: Site): Promise<string[]> {
    const faults = [...(await this.#lookAtTokens(site)), ...(await this.#lookAtAuthority(site))]
    for (const agent of this.#ended.keys()) faults.push(...(await this.#lookAtEnded(agent, site)))
    return faults
  }

  #goodToken(): string | undefined {
    return [...this.#tokens].find(([, certainty]) => certainty === 'yes')?.[0]
  }

  async #newName(kind: string): Promise<{ readonly name: string; readonly number: number; readonly dataDir: string }> {
    this.#names += 1
    const name = `${kind}-${this.#names}`
    const dataDir = join(this.dir, name)
    await mkdir(dataDir)
    return { name, number: this.#names, dataDir }
  }

  async #lookAtTokens(site: Site): Promise<string[]> {
    const { joinTokens } = tokenList.parse(await site.api.get('/agents/join-tokens'))
    const good = new Set(joinTokens.map(({ id }) => id))
    const local = await readFile(join(site.data, 'controller/local-join-token'), 'utf8')
    const faults = good.has(tokenId(local)) ? [] : ['the token for the agent on this machine is not good']
    for (const [token, certainty] of this.#tokens) {
      const isGood = good.has(tokenId(token))
      if (certainty === 'unsure') this.#tokens.set(token, isGood ? 'yes' : 'no')
      else if (isGood !== (certainty === 'yes')) faults.push(`a join token is ${isGood ? 'good again' : 'lost'}`)
    }
    const used = [...this.#tokens].findLast(([, certainty]) => certainty === 'no')
    if (used !== undefined && !(await this.#isRefused(used[0], site))) faults.push('a used join token let an agent in')
    return faults
  }

  async #isRefused(token: string, { address }: Site): Promise<boolean> {
    const { name, dataDir } = await this.#newName('intruder')
    try {
      await enrolAgent({ address, token, dataDir, hosts: [hostNamed(name)] })
      return false
    } catch (error) {
      if (error instanceof EnrolmentRefused) return true
      throw error
    }
  }

  async #lookAtAuthority({ api }: Site): Promise<string[]> {
    const { keyHash } = authorityView.parse(await api.get('/ca'))
    const before = this.#authority
    this.#authority = keyHash
    return before === undefined || before === keyHash ? [] : ['the certificate authority is another']
  }

  async #lookAtEnded(agent: RecordingAgent, { api, address }: Site): Promise<string[]> {
    const isLetIn = await agent.connect(address).then(
      () => true,
      () => false,
    )
    agent.close()
    const { agentId } = agent.identity
    if (this.#ended.get(agent) === 'unsure') {
      if (isLetIn) await api.post(`/agents/${agentId}/revoke`)
      this.#ended.set(agent, 'yes')
      return []
    }
    const { agents } = agentList.parse(await api.get('/agents?limit=500'))
    return [
      ...(isLetIn ? [`${agent.name} was revoked, and is let in again`] : []),
      ...(agents.some(({ id }) => id === agentId) ? [] : [`${agent.name} is not known any more`]),
    ]
  }
}

/** Something that the controller answers only when it is durable; without an answer nobody knows. */
async function acted<Key, Answer>(
  record: Map<Key, Certainty>,
  key: Key,
  then: Certainty,
  signal: AbortSignal,
  act: () => Promise<Answer>,
): Promise<Answer> {
  record.set(key, 'unsure')
  const answer = await act()
  signal.throwIfAborted()
  record.set(key, then)
  return answer
}

function tokenId(token: string): string {
  return token.split('.', 1)[0] ?? ''
}
