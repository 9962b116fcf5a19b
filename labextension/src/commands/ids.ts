/** The commands of jupyter-mlops; their names are stable. */
// eslint-disable-next-line @typescript-eslint/no-namespace -- as Lab's own extensions name their commands
export namespace CommandIDs {
  export const open = 'mlops:open';
  export const refresh = 'mlops:refresh';
  export const pin = 'mlops:pin';
  export const goTo = 'mlops:go-to';
  export const init = 'mlops:init';
  export const demo = 'mlops:demo';
  export const doctor = 'mlops:doctor';
  export const commit = 'mlops:commit';
  export const checkout = 'mlops:checkout';
  export const tag = 'mlops:tag';
  export const push = 'mlops:push';
  export const setRemote = 'mlops:set-remote';
  export const pull = 'mlops:pull';
  export const importData = 'mlops:import';
  export const diff = 'mlops:diff';
  export const show = 'mlops:show';
  export const copyReference = 'mlops:copy-reference';
  export const copyLine = 'mlops:copy-line';
  export const run = 'mlops:run';
  export const runAsStage = 'mlops:run-as-stage';
  export const addStage = 'mlops:add-stage';
  export const removeStage = 'mlops:remove-stage';
  export const why = 'mlops:why';
  export const openNotebook = 'mlops:open-notebook';
  export const openRun = 'mlops:open-run';
  export const compareRuns = 'mlops:compare-runs';
  export const ci = 'mlops:ci';
  export const stop = 'mlops:stop';
  export const register = 'mlops:register';
  export const alias = 'mlops:alias';
  export const deploy = 'mlops:deploy';
  export const rollback = 'mlops:rollback';
  export const undeploy = 'mlops:undeploy';
  export const monitor = 'mlops:monitor';
  export const copyUrl = 'mlops:copy-url';
  export const lineage = 'mlops:lineage';
  export const drift = 'mlops:drift';
  export const exportView = 'mlops:export-view';
  export const openView = 'mlops:open-view';
  export const markParameters = 'mlops:mark-parameters';
  export const commitFile = 'mlops:commit-file';
  export const diffFile = 'mlops:diff-file';
  export const lineageFile = 'mlops:lineage-file';
  export const showFile = 'mlops:show-file';
}
