import type { ImageDetails } from '../../../index.ts'
import { nilList, nilMap, Printed, Struct } from '../../template/values.ts'

type Config = ImageDetails['Config']
type Healthcheck = NonNullable<Config['Healthcheck']>

/**
 * Returns the details as docker's templates see them: with Go's field names (`.ID`), and Go's zero values for whatever the JSON
 * lacks (`{{len .Config.Cmd}}` is 0 for an image without a command). Fields that exist only in the JSON (`.Id`) are found there.
 */
export function detailsStruct(details: ImageDetails): Struct {
  return new Struct(
    'image.InspectResponse',
    {
      ID: details.Id,
      RepoTags: details.RepoTags,
      RepoDigests: details.RepoDigests,
      Comment: details.Comment,
      Created: details.Created,
      Author: details.Author,
      Config: configStruct(details.Config),
      Architecture: details.Architecture,
      Variant: details.Variant ?? '',
      Os: details.Os,
      OsVersion: details.OsVersion ?? '',
      Size: details.Size,
      RootFS: new Struct('image.RootFS', { Type: details.RootFS.Type, Layers: details.RootFS.Layers }, details.RootFS),
      Metadata: new Struct(
        'image.Metadata',
        { LastTagTime: new Printed(printTime(details.Metadata.LastTagTime), details.Metadata.LastTagTime) },
        details.Metadata,
      ),
      Descriptor: new Struct(
        'v1.Descriptor',
        {
          MediaType: details.Descriptor.mediaType,
          Digest: details.Descriptor.digest,
          Size: details.Descriptor.size,
        },
        details.Descriptor,
      ),
    },
    details,
  )
}

function configStruct(config: Config): Struct {
  return new Struct(
    'container.Config',
    {
      User: config.User ?? '',
      ExposedPorts: mapOf(config.ExposedPorts),
      Env: config.Env ?? nilList,
      Entrypoint: config.Entrypoint ?? nilList,
      Cmd: config.Cmd ?? nilList,
      Volumes: mapOf(config.Volumes),
      WorkingDir: config.WorkingDir ?? '',
      Labels: mapOf(config.Labels),
      StopSignal: config.StopSignal ?? '',
      ArgsEscaped: config.ArgsEscaped ?? false,
      Healthcheck: config.Healthcheck === undefined ? null : healthcheckStruct(config.Healthcheck),
      OnBuild: config.OnBuild ?? nilList,
      Shell: config.Shell ?? nilList,
    },
    config,
  )
}

function healthcheckStruct(check: Healthcheck): Struct {
  const span = (nanoseconds = 0) => new Printed(printDuration(nanoseconds), nanoseconds)
  return new Struct(
    'v1.HealthcheckConfig',
    {
      Test: check.Test ?? nilList,
      Interval: span(check.Interval),
      Timeout: span(check.Timeout),
      StartPeriod: span(check.StartPeriod),
      StartInterval: span(check.StartInterval),
      Retries: check.Retries ?? 0,
    },
    check,
  )
}

function mapOf(members: Readonly<Record<string, unknown>> | undefined): ReadonlyMap<string, unknown> {
  return members === undefined ? nilMap : new Map(Object.entries(members))
}

/** Formats a duration like Go: `1m30s`. */
export function printDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return '0s'
  if (nanoseconds < 1e3) return `${nanoseconds}ns`
  if (nanoseconds < 1e6) return `${nanoseconds / 1e3}µs`
  if (nanoseconds < 1e9) return `${nanoseconds / 1e6}ms`
  const minutes = Math.floor(nanoseconds / 6e10)
  const seconds = `${(nanoseconds - minutes * 6e10) / 1e9}s`
  if (minutes === 0) return seconds
  return minutes < 60 ? `${minutes}m${seconds}` : `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`
}

/** Formats a time like Go: `2024-05-01 10:20:30.5 +0000 UTC`. */
function printTime(text: string): string {
  const parts = /^(\S+?)T([\d:]+(?:\.\d+)?)(Z|[+-]\d\d:\d\d)$/.exec(text)
  if (parts === null) return text
  const zone = parts[3] === 'Z' ? '+0000 UTC' : `${parts[3]!.replace(':', '')} ${parts[3]!.replace(':', '')}`
  return `${parts[1]} ${parts[2]!.replace(/\.?0+$/, (zeros) => (parts[2]!.includes('.') ? '' : zeros))} ${zone}`
}
