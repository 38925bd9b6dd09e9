import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import { expect, test } from 'vitest'
import { z } from 'zod'

import { startProduct, temporaryDirectory } from '../support/running-product.js'

/** `npm start` with files of one's own. */

const program = resolve(import.meta.dirname, '../../dist/deploy/start.js')

function started(...args: string[]): Promise<{ readonly code: unknown; readonly stderr: string }> {
  return new Promise((done) => {
    execFile(process.execPath, [program, ...args], (error, _stdout, stderr) => done({ code: error?.code ?? 0, stderr }))
  })
}

test.each([
  [['--policy', '/nowhere.yaml'], 'There is no policy file /nowhere.yaml.'],
  [['--config', '/nowhere.yaml'], 'There is no configuration file /nowhere.yaml.'],
  [['--config', program, '--policy', program], 'With --config the policy is named there: policyFile'],
])('%j is refused', async (args, text) => {
  const directory = await temporaryDirectory('headroom-start-')
  const { code, stderr } = await started('--data', directory.path, ...args)
  await directory.remove()
  expect([code, stderr.trim()]).toEqual([1, text])
})

test('--config names the policy and the mail server', async () => {
  const directory = await temporaryDirectory('headroom-start-')
  const file = (name: string): string => join(directory.path, name)
  await mkdir(file('data'))
  await writeFile(file('policy.yaml'), 'routes: [{ name: admins, to: [{ email: { to: [admin@example.org] } }] }]\n')
  const mail = { host: '127.0.0.1', port: 9, security: 'none', from: 'headroom@example.org' }
  await writeFile(file('controller.yaml'), JSON.stringify({ policyFile: file('policy.yaml'), mail }))
  const product = await startProduct(file('data'), '--simulate', '--config', file('controller.yaml'))
  const answer = await product.api('/api/v1/alerts/routes')
  const failed = await product.cli('alert', 'test', 'admins').catch(JSON.stringify)
  await product.interrupt()
  await directory.remove()
  const routes = z.object({ routes: z.array(z.object({ name: z.string() })) }).parse(answer)
  expect(routes.routes.map(({ name }) => name)).toEqual(['admins'])
  // Port 9 takes no mail; without a server nothing would have been tried.
  expect(failed).toContain('ECONNREFUSED 127.0.0.1:9')
})
