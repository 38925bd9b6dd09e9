import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { trustOf } from '../../agent/hypervisor/esxi/trust.js'
import { createLog } from '../../common/log.js'
import { checkEsxi } from './esxi-check.js'

const usage = `Checks the ESXi driver against a real ESXi host or vCenter. It only reads, and a read-only account is enough.

  HEADROOM_ESXI_URL            https://esxi1.example/sdk
  HEADROOM_ESXI_USER           who logs in
  HEADROOM_ESXI_PASSWORD_FILE  a file whose first line is the password
  HEADROOM_ESXI_THUMBPRINT     SHA-256 of the server's certificate, or
  HEADROOM_ESXI_CA_FILE        its authority; without both the system's authorities count
  HEADROOM_ESXI_INTERVALS      how many intervals of 20 s to follow; 4 if absent
`

async function main(): Promise<number> {
  const of = (name: string): string | undefined => process.env[`HEADROOM_ESXI_${name}`]
  const [url, user, passwordFile] = [of('URL'), of('USER'), of('PASSWORD_FILE')]
  if (url === undefined || user === undefined || passwordFile === undefined) {
    console.error(usage)
    return 2
  }
  const dataDir = mkdtempSync(join(tmpdir(), 'headroom-esxi-real-'))
  try {
    const failures = await checkEsxi({
      options: {
        url: new URL(url),
        user,
        passwordFile,
        trust: await trustOf({ thumbprint: of('THUMBPRINT'), caFile: of('CA_FILE') }),
        dataDir,
        log: createLog('esxi-real', 'warn'),
        now: Date.now,
      },
      intervals: Number(of('INTERVALS') ?? '4'),
      pause: (ms) => delay(ms),
      print: (line) => console.log(line),
    })
    return failures === 0 ? 0 : 1
  } finally {
    rmSync(dataDir, { recursive: true })
  }
}

process.exitCode = await main()
