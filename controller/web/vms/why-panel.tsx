import type { VmView, WhyView } from '../../api/views.js'
import { severityLooks, subjectPath } from '../alerts/alert-words.js'
import { useAsked } from '../commands/use-asked.js'
import { Age } from '../parts/age.js'
import { Link } from '../routing/link.js'
import { alertPath } from '../routing/routes.js'

const lookEveryMs = 15_000
/** So much of it stands open: the weightiest is first. */
const shownAtOnce = 5

/** Why a VM is as it is, in particular slow: all that is known that bears on it, the weightiest first. */
export function WhyPanel({ vm }: { readonly vm: VmView }) {
  const { value, problem } = useAsked<WhyView>(`/vms/${encodeURIComponent(vm.uuid)}/why`, lookEveryMs, vm.state)
  return (
    <section aria-labelledby="why-title">
      <h2 id="why-title">Why it is as it is</h2>
      {problem !== '' && <p class="tone-bad">What bears on it could not be asked: {problem}.</p>}
      {value === undefined && problem === '' && <p class="muted">…</p>}
      {value !== undefined && <Reasons why={value} />}
    </section>
  )
}

function Reasons({ why }: { readonly why: WhyView }) {
  const { reasons, leftOut } = why
  const urgent = reasons.filter(({ severity }) => severity !== 'info').length
  return (
    <>
      <p class="above-table">
        {urgent === 0
          ? 'Nothing is known that needs somebody.'
          : urgent === 1
            ? 'One thing needs somebody.'
            : `${urgent} things need somebody.`}
      </p>
      <ReasonList why={why} from={0} to={Math.max(shownAtOnce, urgent)} />
      {reasons.length > Math.max(shownAtOnce, urgent) && (
        <details>
          <summary>{reasons.length - Math.max(shownAtOnce, urgent)} more of less weight</summary>
          <ReasonList why={why} from={Math.max(shownAtOnce, urgent)} to={reasons.length} />
        </details>
      )}
      {leftOut !== undefined && <p class="muted">{leftOut} more of little weight.</p>}
    </>
  )
}

function ReasonList({
  why: { reasons, uuid },
  from,
  to,
}: {
  readonly why: WhyView
  readonly from: number
  readonly to: number
}) {
  return (
    <ul class="findings">
      {reasons.slice(from, to).map(({ severity, subject, says, since, alert, check, topic }, index) => (
        <li key={`${index} ${topic} ${check}`} class={`finding-${severity}`}>
          <span class="finding-sign">
            <span aria-hidden="true">{severityLooks[severity].sign}</span>
            <span class="visually-hidden">{severity}</span>
          </span>
          <span>
            {(subject.kind !== 'vm' || subject.id !== uuid) && <About subject={subject} />} {says}
            {alert !== undefined && (
              <>
                {' '}
                <Link href={alertPath(alert)}>alert #{alert}</Link>
              </>
            )}
            {since !== undefined && (
              <span class="muted">
                {' '}
                <Age at={since} />
              </span>
            )}
          </span>
        </li>
      ))}
    </ul>
  )
}

function About({ subject }: { readonly subject: WhyView['reasons'][number]['subject'] }) {
  const path = subjectPath(subject)
  return path === undefined ? <strong>{subject.name}</strong> : <Link href={path}>{subject.name}</Link>
}
