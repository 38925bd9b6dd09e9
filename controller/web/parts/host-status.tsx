import type { HostView } from '../../api/views.js'
import { Age } from './age.js'

const looks = {
  up: { sign: '●', word: 'up', tone: 'good' },
  unreachable: { sign: '▲', word: 'hypervisor unreachable', tone: 'bad' },
  silent: { sign: '▲', word: 'silent', tone: 'bad' },
} as const

/** Whether a host reports; since when not. */
export function HostStatus({ host }: { readonly host: HostView }) {
  const look = looks[host.status]
  return (
    <span class={`state state-${look.tone}`}>
      <span aria-hidden="true">{look.sign}</span> {look.word}
      {host.status !== 'up' && (
        <>
          {', since '}
          <Age at={host.statusSince} />
        </>
      )}
    </span>
  )
}
