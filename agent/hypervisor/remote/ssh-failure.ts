import { HypervisorDenied, HypervisorUnavailable } from '../hypervisor.js'
import type { SshTarget } from './ssh-arguments.js'

/** Why there is no connection, from what ssh said; its own words are all that it gives. */
export function connectionFailure(said: string, target: SshTarget): Error {
  const { host, user, identityFile, knownHostsFile } = target
  if (said.includes('REMOTE HOST IDENTIFICATION HAS CHANGED')) {
    const now = /SHA256:[\w+/=]{20,60}/.exec(said)?.[0]
    return new HypervisorDenied(
      `the host key of ${host} has changed${now === undefined ? '' : ` to ${now}`}: refused. ` +
        `Either another machine answers, or ${host} was set up anew; in that case put its new key into ${knownHostsFile}`,
    )
  }
  if (/No \S+ host key is known for|Host key verification failed/.test(said)) {
    return new HypervisorDenied(`the host key of ${host} is not in ${knownHostsFile}: refused`)
  }
  const offer = /no matching ([\w ]{1,40}) found\. Their offer: (\S{1,300})/.exec(said)
  if (offer !== null) {
    return new HypervisorDenied(
      `ssh and ${host} have no ${offer[1]} in common, it offers ${printable(offer[2] ?? '')}: allow one of these under options`,
    )
  }
  if (/Permission denied \(|Too many authentication failures/.test(said)) {
    const key = /bad permissions|UNPROTECTED PRIVATE KEY/.test(said)
      ? 'others may read that file, so ssh does not use it'
      : /Load key [^\n]*|no such identity[^\n]*/i.exec(said)?.[0]
    return new HypervisorDenied(
      `${host} does not let ${user} in with ${identityFile}${key === undefined ? '' : `: ${printable(key)}`}`,
    )
  }
  return new HypervisorUnavailable(`no connection to ${host}: ${lastWords(said) ?? 'ssh ended'}`)
}

/** Why a connection that worked is over. */
export function connectionLoss(said: string, { host }: SshTarget): Error {
  return new HypervisorUnavailable(`the connection to ${host} is over: ${lastWords(said) ?? 'the other side ended it'}`)
}

/** Why a channel of a connection that works has ended. */
export function channelFailure(said: string, { host }: SshTarget): Error {
  const words = /^headroom-reader: (.+)$/m.exec(said)?.[1]
  if (words !== undefined) return new HypervisorUnavailable(`headroom-reader on ${host}: ${printable(words)}`)
  return new HypervisorUnavailable(`${host} ended the channel: ${lastWords(said) ?? 'without a word'}`)
}

function lastWords(said: string): string | undefined {
  return said
    .split(/[\r\n]+/)
    .map(printable)
    .findLast((line) => line !== '')
}

/** The other machine may have said it. */
function printable(text: string): string {
  return text
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, 300)
}
