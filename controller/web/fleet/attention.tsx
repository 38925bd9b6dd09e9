import type { FindingView } from '../../api/views.js'
import { plural } from '../format/figures.js'
import { Link } from '../routing/link.js'
import { arrayPath, hostPath, vmPath } from '../routing/routes.js'
import { usePage } from '../state/page-context.js'

/** The rest is behind a fold: a large fleet may have hundreds, and the hosts should be in sight. */
const shownAtOnce = 6
const mostShown = 200
const none: readonly FindingView[] = []

/** What a check found that wants a person: the critical first; what is only worth knowing is folded away. */
export function Attention() {
  const findings = usePage((state) => state.fleet?.findings ?? none)
  const critical = findings.filter((finding) => finding.severity === 'critical')
  const warnings = findings.filter((finding) => finding.severity === 'warning')
  const notes = findings.filter((finding) => finding.severity === 'info')
  if (findings.length === 0) return null
  const urgent = [...critical, ...warnings]
  return (
    <section class={urgent.length > 0 ? 'notice notice-warning' : 'notice'} aria-labelledby="attention-title">
      <h2 id="attention-title">{urgent.length > 0 ? 'What needs attention' : 'Worth knowing'}</h2>
      {urgent.length > 0 && <Findings findings={urgent.slice(0, shownAtOnce)} />}
      {urgent.length > shownAtOnce && (
        <details>
          <summary>{urgent.length - shownAtOnce} more</summary>
          <Findings findings={urgent.slice(shownAtOnce, mostShown)} />
        </details>
      )}
      {notes.length > 0 && (
        <details open={urgent.length === 0 && notes.length <= 3}>
          <summary>{plural(notes.length, 'note')}</summary>
          <Findings findings={notes.slice(0, mostShown)} />
        </details>
      )}
    </section>
  )
}

const signs = { critical: '✕', warning: '▲', info: 'ⓘ' } as const

function Findings({ findings }: { readonly findings: readonly FindingView[] }) {
  return (
    <ul class="findings">
      {findings.map((finding) => (
        <li key={`${finding.check} ${finding.subject} ${finding.message}`} class={`finding-${finding.severity}`}>
          <span class="finding-sign">
            <span aria-hidden="true">{signs[finding.severity]}</span>
            <span class="visually-hidden">{finding.severity}</span>
          </span>
          <span>
            <Subject subject={finding.subject} /> {finding.message}
          </span>
        </li>
      ))}
    </ul>
  )
}

/** `host:<name>`, `vm:<name>` and `array:<name>` become links; of the fleet itself nothing need be said. */
function Subject({ subject }: { readonly subject: string }) {
  const vms = usePage((state) => state.vms)
  const arrays = usePage((state) => state.arrays)
  const [, kind, name] = /^(\w+):(.+)$/.exec(subject) ?? []
  if (kind === undefined || name === undefined) return null
  if (kind === 'host') return <Link href={hostPath(name)}>{name}</Link>
  const vm = kind === 'vm' ? [...vms.values()].find((it) => it.name === name) : undefined
  if (vm !== undefined) return <Link href={vmPath(vm.uuid)}>{name}</Link>
  const array = kind === 'array' ? [...arrays.values()].find((it) => it.name === name) : undefined
  return array === undefined ? <strong>{name}</strong> : <Link href={arrayPath(array.key)}>{name}</Link>
}
