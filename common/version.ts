import { readFileSync } from 'node:fs'

/** The version of this program: that of the package around it, one folder up in the sources, two in what is built. */
export function readVersion(): string {
  for (const up of ['../package.json', '../../package.json']) {
    try {
      const version = versionIn(JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')))
      if (version !== undefined) return version
    } catch {
      // Not there: the next place is tried.
    }
  }
  return 'unknown'
}

function versionIn(packageFile: unknown): string | undefined {
  if (typeof packageFile !== 'object' || packageFile === null) return undefined
  if (!('name' in packageFile) || packageFile.name !== 'headroom' || !('version' in packageFile)) return undefined
  return typeof packageFile.version === 'string' ? packageFile.version : undefined
}
