/**
 * Whether a kernel may stop when `sched_clock` overflows after 208.5 days. By its release, as `uname -r` says it. Upstream: from 2.6.28 on; fixed in 3.2, and by
 * "sched, x86: Avoid unnecessary overflow in sched_clock" in 2.6.32.50, 3.0.13 and 3.1.5. Red Hat (solution 68466): fixed in 2.6.18-348.el5 and in -128.39.1, -238.40.1 and
 * -308.11.1 of its branches, in 2.6.32-279.el6 and in -131.26.1 and -220.4.2. Debian's and Ubuntu's releases do not tell the patch level: they may.
 */
export function mayStopAtOverflow(release: string): boolean {
  const numbers = /^(\d+)\.(\d+)(?:\.(\d+))?(?:\.(\d+))?/.exec(release)
  if (numbers === null) return false
  const [major = 0, minor = 0, patch = 0, stable = 0] = numbers.slice(1).map((part) => Number(part ?? 0))
  const redHat = /-([\d.]+)\.el([56])/.exec(release)
  if (redHat !== null) return isUnfixedRedHat((redHat[1] ?? '').split('.').map(Number), redHat[2] === '5' ? 5 : 6)
  if (major === 3) return (minor === 0 && patch < 13) || (minor === 1 && patch < 5)
  if (major !== 2 || minor !== 6) return false
  return patch >= 28 && !(patch === 32 && stable >= 50)
}

/** Of each branch the first build that is fixed: builds of one branch begin with the same number. */
const fixedBuilds = {
  5: {
    main: [348],
    branches: [
      [128, 39, 1],
      [238, 40, 1],
      [308, 11, 1],
    ],
  },
  6: { main: [220, 4, 2], branches: [[131, 26, 1]] },
} as const satisfies Record<5 | 6, { main: readonly number[]; branches: readonly (readonly number[])[] }>

function isUnfixedRedHat(build: readonly number[], release: 5 | 6): boolean {
  const { main, branches } = fixedBuilds[release]
  const branch = branches.find(([first]) => first === build[0])
  return isBefore(build, branch ?? main)
}

function isBefore(build: readonly number[], fixed: readonly number[]): boolean {
  for (const [at, number] of fixed.entries()) {
    const own = build[at] ?? 0
    if (own !== number) return own < number
  }
  return false
}
