/** Longer ones are keys (of an array, a partner's UUID), which say nothing to people: the message has the names. */
const longestPart = 24

/** `file-system-space /var`: a check and what of its subject it is about, for a list. */
export function checkText({
  check,
  part = '',
}: {
  readonly check: string
  readonly part?: string | undefined
}): string {
  return part === '' || part.length > longestPart ? check : `${check} ${part}`
}
