import type { Log } from '../../../common/log.js'
import { childText, type XmlElement } from '../libvirt/xml.js'
import { HypervisorDenied, HypervisorUnavailable } from '../hypervisor.js'
import type { HttpsChannel } from './https-channel.js'
import type { RefusedLogin } from './refused-login.js'
import {
  elementAt,
  leaf,
  readReply,
  refIn,
  requestMessage,
  SoapFault,
  SoapFormatError,
  type MoRef,
} from './soap-message.js'

/** What the server is, and where its services are. */
export interface ServiceContent {
  readonly apiType: 'HostAgent' | 'VirtualCenter'
  readonly apiVersion: string
  readonly fullName: string
  readonly rootFolder: MoRef
  readonly propertyCollector: MoRef
  readonly viewManager: MoRef
  readonly perfManager: MoRef
  readonly sessionManager: MoRef
}

type Call<Answer> = (
  method: string,
  target: MoRef,
  args?: string,
  options?: { readonly deadlineMs?: number },
) => Promise<Answer>

/** Calls one method. @returns its `returnval` elements. @throws SoapFault, SoapFormatError, HypervisorUnavailable, HypervisorDenied */
export interface Invoke extends Call<readonly XmlElement[]> {
  /** The same with the answer as it came, unless that is a fault. */
  readonly text: Call<string>
}

export interface Login {
  readonly content: ServiceContent
  readonly cookie: string
}

export interface SessionOptions {
  readonly channel: HttpsChannel
  readonly user: string
  /** Read for each login, so that a changed password needs no restart. */
  readonly readPassword: () => Promise<string>
  readonly refused: RefusedLogin
  /** Wall clock, milliseconds. */
  readonly now: () => number
  readonly log: Log
  /** For a call that names none; default 15 s. */
  readonly deadlineMs?: number
}

const serviceInstance: MoRef = { type: 'ServiceInstance', id: 'ServiceInstance' }
/** Large inventories come in pages; no single answer is near this. */
const maxReplyBytes = 48 * 1024 * 1024
const notAuthenticated: ReadonlySet<string> = new Set(['NotAuthenticated', 'SecurityError'])

/** The server has forgotten the session: a new login helps. */
export function isSessionEnd(error: unknown): boolean {
  return error instanceof SoapFault && notAuthenticated.has(error.fault)
}

/** One login to one server, shared by all that read from it; made anew when the server has forgotten it. */
export class VsphereSession {
  readonly #options: SessionOptions
  readonly #closing = new AbortController()
  #login: Promise<Login> | undefined
  #logins = 0

  constructor(options: SessionOptions) {
    this.#options = options
  }

  /** How often it has logged in. */
  get logins(): number {
    return this.#logins
  }

  /**
   * Runs calls as a user who is logged in. If the server has forgotten the session, logs in again and runs `work` once more
   * from its beginning: views and filters of the old session are gone.
   */
  async run<Result>(signal: AbortSignal, work: (invoke: Invoke, login: Login) => Promise<Result>): Promise<Result> {
    const login = await this.#ensure()
    try {
      return await work(this.#invoker(login, signal), login)
    } catch (error) {
      signal.throwIfAborted()
      if (!isSessionEnd(error)) throw error
      this.#options.log.info('the vSphere session has ended; logging in again')
      if ((await this.#login?.catch(() => undefined)) === login) this.#login = undefined
    }
    const again = await this.#ensure()
    return work(this.#invoker(again, signal), again)
  }

  /** Logs out, briefly, so that the server need not keep the session until it expires. */
  async close(): Promise<void> {
    const login = await this.#login?.catch(() => undefined)
    this.#login = undefined
    if (login !== undefined && !this.#closing.signal.aborted) {
      const invoke = this.#invoker(login, this.#closing.signal)
      await invoke('Logout', login.content.sessionManager, '', { deadlineMs: 2000 }).catch(() => undefined)
    }
    this.#closing.abort()
    this.#options.channel.close()
  }

  async #ensure(): Promise<Login> {
    if (this.#closing.signal.aborted) throw new HypervisorUnavailable('closed')
    this.#login ??= this.#logIn().catch((error: unknown) => {
      this.#login = undefined
      throw error
    })
    return this.#login
  }

  async #logIn(): Promise<Login> {
    const { user, readPassword, refused, now } = this.#options
    const password = await readPassword()
    const lately = refused.recall(password, now())
    if (lately !== undefined) {
      throw new HypervisorDenied(`${lately}; not tried again for some minutes, so that the account is not locked`)
    }
    const signal = this.#closing.signal
    const [found] = await this.#call('RetrieveServiceContent', serviceInstance, '', { signal })
    const content = contentIn(found)
    const args = leaf('userName', user) + leaf('password', password)
    let cookie: string | undefined
    try {
      await this.#call('Login', content.sessionManager, args, { signal, content, onCookie: (set) => (cookie = set) })
    } catch (error) {
      if (!(error instanceof SoapFault && /^(InvalidLogin|NoPermission|PasswordExpired)$/.test(error.fault)))
        throw error
      const message = `the server refused the login of ${user}: ${error.fault}`
      refused.note(password, message, now())
      throw new HypervisorDenied(message)
    }
    if (cookie === undefined) throw new SoapFormatError('Login: the answer sets no session cookie')
    this.#logins += 1
    return { content, cookie }
  }

  #invoker({ content, cookie }: Login, signal: AbortSignal): Invoke {
    const text: Invoke['text'] = (method, target, args = '', options = {}) =>
      this.#send(method, target, args, { signal, content, cookie, ...options })
    const invoke: Call<readonly XmlElement[]> = async (method, ...rest) =>
      readReply(method, await text(method, ...rest))
    return Object.assign(invoke, { text })
  }

  async #call(method: string, target: MoRef, args: string, options: SendOptions): Promise<readonly XmlElement[]> {
    return readReply(method, await this.#send(method, target, args, options))
  }

  /** @returns the text of the answer @throws SoapFault if it is a fault */
  async #send(
    method: string,
    target: MoRef,
    args: string,
    { signal, content, cookie, deadlineMs, onCookie }: SendOptions,
  ): Promise<string> {
    const reply = await this.#options.channel.post(
      requestMessage(method, target, args),
      {
        soapAction: content === undefined ? undefined : `urn:vim25/${content.apiVersion}`,
        cookie,
        deadlineMs: deadlineMs ?? this.#options.deadlineMs ?? 15_000,
        maxBytes: maxReplyBytes,
      },
      signal,
    )
    // A proxy in the way, or a service that starts, answers with no SOAP.
    if (reply.status !== 200 && reply.status !== 500) {
      throw new HypervisorUnavailable(`${method}: the server answers with HTTP status ${reply.status}`)
    }
    if (reply.status === 500) {
      readReply(method, reply.text)
      throw new SoapFormatError(`${method}: the answer has status 500 and tells of no fault`)
    }
    onCookie?.(reply.cookie)
    return reply.text
  }
}

interface SendOptions {
  readonly signal: AbortSignal
  readonly content?: ServiceContent
  readonly cookie?: string
  readonly deadlineMs?: number
  readonly onCookie?: (cookie: string | undefined) => void
}

function contentIn(found: XmlElement | undefined): ServiceContent {
  const service = (name: string): MoRef => {
    const ref = refIn(elementAt(found, name))
    if (ref === undefined)
      throw new SoapFormatError(`RetrieveServiceContent: no ${name}: this is no vSphere server that we know`)
    return ref
  }
  const about = elementAt(found, 'about')
  const apiVersion = childText(about, 'apiVersion') ?? ''
  if (!/^\d[\d.]{0,15}$/.test(apiVersion)) throw new SoapFormatError('RetrieveServiceContent: no version of the API')
  return {
    apiType: childText(about, 'apiType') === 'VirtualCenter' ? 'VirtualCenter' : 'HostAgent',
    apiVersion,
    fullName: (childText(about, 'fullName') ?? '').slice(0, 200),
    rootFolder: service('rootFolder'),
    propertyCollector: service('propertyCollector'),
    viewManager: service('viewManager'),
    perfManager: service('perfManager'),
    sessionManager: service('sessionManager'),
  }
}
