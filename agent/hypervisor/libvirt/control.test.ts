import { expect, it } from 'vitest'

import { isUnsure } from './control.js'
import { errorCode, LibvirtError } from './rpc-error.js'

it('does not take a destroy that did not get its turn for one that did nothing: the process is killed before', () => {
  const timeout = new LibvirtError(errorCode.operationTimeout, 'cannot acquire state change lock')
  expect(isUnsure('destroy', timeout)).toBe(true)
  expect(isUnsure('suspend', timeout)).toBe(false)
  expect(isUnsure('destroy', new LibvirtError(errorCode.operationInvalid, 'domain is not running'))).toBe(false)
})
