/** What the exit code of `headroom` says. Scripts depend on these numbers: add, never change. */
export const exitCodes = {
  ok: 0,
  error: 1,
  usage: 2,
  findings: 3,
  refused: 4,
  unreachable: 5,
  unknownOutcome: 6,
} as const

export type ExitReason = keyof typeof exitCodes

/** One line for each exit code, for `--help`. */
export const exitCodeHelp: Readonly<Record<ExitReason, string>> = {
  ok: 'done',
  error: 'it failed: nothing of that name, an answer that makes no sense, …',
  usage: 'the command line is wrong',
  findings:
    'status, capacity and alert list with --check: a warning or a critical finding stands; policy check: a rule is probably not meant so',
  refused:
    'the controller or an agent refused: the token is missing, wrong or may not do this; a check of a command failed',
  unreachable: 'no controller answers, or it is not ready',
  unknownOutcome: 'a change was asked for, and it is not known what came of it: it may have happened or not',
}
