import { stringify } from 'yaml'

import type { ConfigProblem } from '../../../common/config-error.js'
import { problemText } from '../../../common/config-error.js'
import type { ConfigProblemView, PolicyCheckView, PolicyNoteView, PolicyView, VmView } from '../../api/views.js'
import { clockTime } from './figures.js'
import { findingCounts, findingSection } from './findings.js'
import { line, type Look, paragraph, span } from './look.js'
import { notes } from './notes.js'
import { byName } from './order.js'
import { section } from './section.js'
import { type Column, renderTable } from './table.js'

/** The policy in force as a policy file: what is said about it stands in comments. */
export function renderPolicy({ file, version, problem, effective }: PolicyView, look: Look): string[] {
  const whole = { ...look, width: undefined }
  const comments = [
    file === undefined
      ? 'No policy file: these are the defaults (policyFile in controller.yaml names one).'
      : `File: ${file}`,
    ...(version === undefined
      ? []
      : [
          `Version ${version.number}, in force since ${clockTime(version.at, look.timeZone)}; written ${clockTime(version.modifiedAt, look.timeZone)} by ${version.author}; ${version.hash.slice(0, 12)}`,
        ]),
  ]
  return [
    ...comments.map((text) => line([span(`# ${text}`, 'dim')], whole)),
    ...(problem === undefined
      ? []
      : [
          `NOT in force is the file as it is since ${clockTime(problem.since, look.timeZone)}:`,
          ...problem.message.split('\n'),
        ].map((text) => line([span(`# ${text}`, 'critical')], whole))),
    ...stringify(effective, { lineWidth: 0, flowCollectionPadding: true })
      .trimEnd()
      .split('\n')
      .map((text) => line([span(text)], whole)),
  ]
}

/** What the policy says of each VM, and who said so. */
export function renderVmLabels(vms: readonly VmView[], look: Look): string[] {
  if (vms.length === 0) return ['no VMs']
  return renderTable(
    vms.toSorted((a, b) => byName(a.name, b.name)),
    labelColumns,
    look,
  )
}

const labelColumns: readonly Column<VmView>[] = [
  { head: 'VM', drop: 0, shrinkTo: 12, cell: ({ name }) => name },
  ...(['class', 'group', 'owner', 'service'] as const).map((label, at): Column<VmView> => ({
    head: label.toUpperCase(),
    drop: at === 0 ? 0 : at,
    shrinkTo: 10,
    cell: ({ [label]: value, labelOrigins: { [label]: origin } }) =>
      value === undefined ? span('–', 'dim') : origin === undefined ? value : `${value} (${origin})`,
  })),
]

/** What a policy would do. `isOffline`: nothing is known of the fleet. */
export function renderPolicyCheck(check: PolicyCheckView, isOffline: boolean, look: Look): string[] {
  const fresh = check.findings.filter(({ isNew }) => isNew)
  const before = check.findings.length - fresh.length
  return [
    line([span('the file is a policy', 'good')], look),
    ...section('Rules that are probably not meant so', check.notes, noteColumns, look),
    ...(isOffline
      ? notes(['what it would find needs a running controller: leave out --offline'], look)
      : [
          '',
          line([span('It would find '), findingCounts(check.findings)], look),
          ...(before === 0 ? [] : [line([span(foundNowToo(before, check.findings.length))], look)]),
          ...titled('Found only by it', findingSection(fresh, look)),
          ...titled('Found now, and not by it', findingSection(check.ends, look)),
          ...section('Excepted', check.excepted, exceptedColumns, look),
          ...notes(
            [check.findingsLeftOut === undefined ? undefined : `and ${check.findingsLeftOut} findings more`],
            look,
          ),
        ]),
  ]
}

function foundNowToo(before: number, all: number): string {
  if (before === all) return all === 1 ? 'It is found now too' : 'All of them are found now too'
  return `${before} of them ${before === 1 ? 'is' : 'are'} found now too`
}

/** The findings' own heading replaced. */
function titled(title: string, lines: readonly string[]): string[] {
  return lines.map((text, at) => (at === 1 ? title : text))
}

/** Why a file is refused, one line each. */
export function renderProblems(file: string, problems: readonly ConfigProblemView[], look: Look): string[] {
  return problems.flatMap((problem) => paragraph(problemText(file, asProblem(problem)), look, 'critical'))
}

function asProblem({ key, line, expected, got }: ConfigProblemView): ConfigProblem {
  return { key, line, expected, got }
}

const noteColumns: readonly Column<PolicyNoteView>[] = [
  { head: 'LINE', align: 'right', drop: 1, cell: ({ line }) => (line === undefined ? '–' : String(line)) },
  { head: 'RULE', drop: 0, cell: ({ key }) => key },
  {
    head: 'WHAT',
    drop: 2,
    cell: ({ kind }) => span(kind, kind === 'contradiction' || kind === 'shadowed' ? 'warning' : 'plain'),
  },
  { head: 'MESSAGE', drop: 0, shrinkTo: 30, wrap: true, cell: ({ message }) => message },
]

const exceptedColumns: readonly Column<PolicyCheckView['excepted'][number]>[] = [
  { head: 'CHECK', drop: 0, cell: ({ check }) => check },
  { head: 'SUBJECT', drop: 0, shrinkTo: 14, cell: ({ subject }) => subject },
  { head: 'RULE', drop: 1, cell: ({ key }) => key },
  { head: 'REASON', drop: 0, shrinkTo: 30, wrap: true, cell: ({ reason }) => reason },
]
