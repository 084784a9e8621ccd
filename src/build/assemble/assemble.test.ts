import { expect, test } from 'vitest'
import { sha256 } from '../../support/index.ts'
import { assembleImage } from './assemble.ts'

const platform = { os: 'linux', architecture: 'amd64' }

test('an image without layers has no time, and says so', () => {
  const { config } = assembleImage({ platform, config: {}, history: [{ createdBy: 'ENV a=b' }] }, [])
  expect(JSON.parse(config.bytes.toString())).toMatchObject({ created: null })
})

test('an image is as old as the last entry of its history', () => {
  const layer = { diffId: sha256('x'), size: 1, created: '2024-01-02T03:04:05.600Z' }
  const history = [{ createdBy: 'COPY a /', layer: 0 }, { createdBy: 'ENV a=b' }]
  const { config } = assembleImage({ platform, config: {}, history }, [layer])
  expect(JSON.parse(config.bytes.toString())).toMatchObject({ created: '2024-01-02T03:04:05.6Z' })
})
