import { LabIcon } from '@jupyterlab/ui-components';

const svgstr = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <path class="jp-icon3" fill="#616161" d="M14 4h6v6l-2.3-2.3-3.6 3.6-1.4-1.4 3.6-3.6L14 4zM10 20H4v-6l2.3 2.3 3.6-3.6 1.4 1.4-3.6 3.6L10 20z"/>
</svg>`;

/** Opens in the main area. */
export const enlargeIcon = new LabIcon({ name: 'jupyter-mlops:enlarge', svgstr });
