/** Everything a click can do; loaded with the panel, not with Lab. */
export { checkout, commit, importData, pull, push, tag } from './data';
export { collect, erase, fetchData, repair, retention, reveal, search, verify } from './keeping';
export { copyUrl, rollback, undeploy } from './deployments';
export { alias, deploy, register } from './models';
export { ci, run, runAsStage, stop, why } from './pipelines';
export { addStage, removeStage } from './stages';
export { cancelRun, exportPipeline, reproduce, runAgain } from './runs';
export { applySweep, openSweep, resumeSweep, sweep } from './sweeps';
export { copyLine, copyReference, demo, doctor, exportView, goTo, init, setRemote } from './project';
export {
  commitFile,
  compareRuns,
  diff,
  diffFile,
  drift,
  lineage,
  lineageFile,
  monitor,
  openNotebook,
  openRun,
  show,
  showFile,
  stageFile
} from './views';
