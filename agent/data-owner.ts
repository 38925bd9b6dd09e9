import { statSync } from 'node:fs'

/**
 * Does some work as the user that a directory belongs to, where root does it: so that what is written there belongs to that
 * user, and nothing that this user may have put there, such as a link, leads root elsewhere. For one thing at a time: the whole
 * process is that user meanwhile.
 * @param groups names of that user's groups besides the directory's
 * @throws whatever the work throws, or the system for a group that it does not know
 */
export async function asOwnerOf<Result>(
  directory: string,
  groups: readonly string[],
  work: () => Promise<Result>,
): Promise<Result> {
  const owner = statSync(directory, { throwIfNoEntry: false })
  if (owner === undefined || owner.uid === 0 || process.geteuid?.() !== 0) return work()
  const before = { group: process.getegid?.() ?? 0, groups: process.getgroups?.() ?? [] }
  try {
    process.setgroups?.([owner.gid, ...groups])
    process.setegid?.(owner.gid)
    process.seteuid?.(owner.uid)
    return await work()
  } finally {
    // In this order: only root may do the others.
    process.seteuid?.(0)
    process.setegid?.(before.group)
    process.setgroups?.(before.groups)
  }
}
