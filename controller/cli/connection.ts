import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { errorCode } from '../../common/error-code.js'
import { CliError } from './cli-error.js'

export const defaultUrl = 'http://127.0.0.1:8420'
export const defaultDataDirectory = './data'

/** Where the controller is and what opens it. */
export interface Connection {
  /** Ends in a slash, so that paths can be resolved against it. */
  readonly url: URL
  readonly credential: Credential
}

export type Credential =
  | { readonly token: string; readonly origin: string }
  /** No token was found, and where it was looked for. */
  | { readonly token: undefined; readonly origin: string }

export interface ConnectionOptions {
  readonly url?: string | undefined
  readonly tokenFile?: string | undefined
  readonly data?: string | undefined
}

/**
 * Options win over the environment, the environment over the defaults. A token comes from `--token-file`, HEADROOM_TOKEN, HEADROOM_TOKEN_FILE or the
 * file that the controller writes in its data directory; never from the command line, which other users of the machine see. That file belongs to the controller of this machine: unless the directory was named,
 * it is not read for a controller elsewhere, which must not learn this one's token.
 * @throws CliError (usage) for an address or token that cannot be used
 */
export function connectionOf(
  options: ConnectionOptions,
  env: Readonly<Record<string, string | undefined>>,
): Connection {
  const url = parseUrl(options.url ?? nonEmpty(env['HEADROOM_URL']) ?? defaultUrl)
  return { url, credential: credentialOf(options, env, url) }
}

/** The address as a person wrote it, without the final slash. */
export function shownUrl({ url }: Pick<Connection, 'url'>): string {
  return url.href.replace(/\/$/u, '')
}

export function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d+){3}$/u.test(hostname)
}

function parseUrl(text: string): URL {
  const hint = `such as ${defaultUrl}`
  if (!URL.canParse(text)) throw new CliError('usage', `${JSON.stringify(text)} is no address of a controller`, hint)
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new CliError(
      'usage',
      `the address of a controller starts with http:// or https://, not ${url.protocol}//`,
      hint,
    )
  }
  if (url.username !== '' || url.password !== '') {
    throw new CliError(
      'usage',
      'the address of a controller holds no user and no password',
      'give the token in HEADROOM_TOKEN',
    )
  }
  url.search = ''
  url.hash = ''
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}

function credentialOf(
  { tokenFile, data }: ConnectionOptions,
  env: Readonly<Record<string, string | undefined>>,
  url: URL,
): Credential {
  if (tokenFile !== undefined) return inFile(tokenFile)
  const fromEnvironment = nonEmpty(env['HEADROOM_TOKEN'])
  if (fromEnvironment !== undefined) return given(fromEnvironment, 'HEADROOM_TOKEN')
  const fileInEnvironment = nonEmpty(env['HEADROOM_TOKEN_FILE'])
  if (fileInEnvironment !== undefined) return inFile(fileInEnvironment)
  const named = data ?? nonEmpty(env['HEADROOM_DATA'])
  if (named === undefined && !isLoopback(url)) {
    return {
      token: undefined,
      origin: 'HEADROOM_TOKEN is not set, and a token file is only read for this machine or with --data',
    }
  }
  const file = join(named ?? defaultDataDirectory, 'controller', 'api-token')
  try {
    return given(readFileSync(file, 'utf8'), file)
  } catch (error) {
    if (error instanceof CliError) throw error
    return { token: undefined, origin: `HEADROOM_TOKEN is not set, and ${file} ${unreadable(error)}` }
  }
}

/** @throws CliError (usage): a file that was named has to be there */
function inFile(file: string): Credential {
  try {
    return given(readFileSync(file, 'utf8'), file)
  } catch (error) {
    if (error instanceof CliError) throw error
    throw new CliError('usage', `the token file ${file} ${unreadable(error)}`, '', { cause: error })
  }
}

function given(text: string, origin: string): Credential {
  const token = text.trim()
  // Anything else could not travel in a header, and is no token of a controller.
  if (/^[\x21-\x7e]{1,4096}$/u.test(token)) return { token, origin }
  throw new CliError('usage', `${origin} holds no token: expected one line of printable characters`)
}

function unreadable(error: unknown): string {
  const code = errorCode(error)
  if (code === 'ENOENT') return 'does not exist'
  return code === 'EACCES' ? 'may not be read by this user' : `cannot be read (${code})`
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : text
}
