/** The names under which the rest of the front end knows the generated types. */
import type { components, paths } from './schema';

type Schemas = components['schemas'];

export type Status = Schemas['Status'];
export type DatasetState = Status['datasets'][number];
export type StageState = Status['stages'][number];
export type NextStep = Schemas['NextStep'];
export type StageFiles = Schemas['StageFiles'];
export type DatasetVersion = Schemas['DatasetVersion'];
export type History = Schemas['History'];
export type Hit = Schemas['Hit'];
export type Trouble = Schemas['Trouble'];
export type Retained = Schemas['Retained'];
export type RetainedVersion = Schemas['RetainedVersion'];
export type Difference = Schemas['Difference'];
export type RunSummary = Schemas['RunSummary'];
export type Runs = Schemas['Runs'];
export type Sweep = Schemas['Sweep'];
export type SweepTrial = Sweep['trials'][number];
export type Model = Schemas['Model'];
export type ModelVersion = Schemas['ModelVersion'];
export type Models = Schemas['Models'];
export type Deployment = Schemas['Deployment'];
export type Deployments = Schemas['Deployments'];
export type Prediction = Schemas['Prediction'];
export type Lineage = Schemas['Lineage'];
export type LineageNode = Schemas['Node'];
export type LineageEdge = Schemas['Edge'];
export type ColumnDrift = Schemas['ColumnDrift'];
export type DriftReport = Schemas['DriftReport'];
export type Catalogue = Schemas['Catalogue'];
export type VerbEntry = Schemas['VerbEntry'];
export type Job = Schemas['Job'];
export type ErrorDetail = Schemas['ErrorDetail'];
export type Topic = Schemas['Changed']['changed'][number];

/** A parameter, metric or cell value. */
export type Scalar = string | number | boolean | null;

type Base = '/mlops/v1';

/** `stage list` lives at `/mlops/v1/stage/list`. */
type PathOf<V extends string> = V extends `${infer A} ${infer B}` ? `${Base}/${A}/${B}` : `${Base}/${V}`;
type VerbAt<P> = P extends `${Base}/${infer A}/${infer B}` ? `${A} ${B}` : P extends `${Base}/${infer A}` ? A : never;

type OfServer = 'verbs' | 'jobs' | 'jobs {job}' | 'watch' | 'openapi.json';
type Getting = { [P in keyof paths]: paths[P] extends { get: object } ? P : never }[keyof paths];
type Posting = { [P in keyof paths]: paths[P] extends { post: object } ? P : never }[keyof paths];

/** Verbs that change nothing and answer at once. */
export type ReadingVerb = Exclude<VerbAt<Getting>, OfServer>;
/** Verbs that become a job. */
export type WritingVerb = VerbAt<Posting>;
export type AnyVerb = ReadingVerb | WritingVerb;

/** The arguments of a reading verb, without the project. */
export type ReadArgs<V extends ReadingVerb> = paths[PathOf<V>] extends { get: { parameters: { query?: infer Q } } }
  ? Omit<NonNullable<Q>, 'project'>
  : never;

/** What a reading verb answers. */
export type ReadResult<V extends ReadingVerb> = paths[PathOf<V>] extends {
  get: { responses: { 200: { content: { 'application/json': infer R } } } };
}
  ? R
  : never;

/** The arguments of a writing verb, without the project. */
export type WriteArgs<V extends WritingVerb> = paths[PathOf<V>] extends {
  post: { requestBody: { content: { 'application/json': infer B } } };
}
  ? Omit<B, 'project'>
  : never;

/** What the job of a writing verb holds when it succeeded (`x-job-result` in the description). */
export interface JobResults {
  init: Schemas['Initialised'];
  demo: Schemas['Demo'];
  commit: Schemas['Committed'];
  checkout: Schemas['CheckedOut'];
  tag: Schemas['Tagged'];
  push: Schemas['Transferred'];
  fetch: Schemas['Transferred'];
  pull: Schemas['Transferred'];
  import: Schemas['Imported'];
  verify: Schemas['Verified'];
  gc: Schemas['Collected'];
  retain: Schemas['Retained'];
  erase: Schemas['Erased'];
  'stage add': Schemas['Stages'];
  'stage edit': Schemas['Stages'];
  'stage remove': Schemas['Stages'];
  run: Schemas['RunReport'];
  cancel: Schemas['CancelledRun'];
  ci: Schemas['CiReport'];
  export: Schemas['Exported'];
  reproduce: Schemas['Reproduction'];
  sweep: Schemas['Sweep'];
  'sweep apply': Schemas['Sweep'];
  register: Schemas['Registered'];
  alias: Schemas['Aliased'];
  deploy: Schemas['Deployment'];
  rollback: Schemas['Deployment'];
  undeploy: Schemas['Undeployed'];
  predict: Schemas['Prediction'];
  view: Schemas['Viewed'];
}
