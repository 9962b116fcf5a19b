/** Versions stacked up, and the loop that closes over them. */
export default `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3 jp-icon-selectable" fill="#616161">
    <path d="M12 2 3 6.5 12 11l9-4.5L12 2zm0 2.2 4.6 2.3L12 8.8 7.4 6.5 12 4.2z"/>
    <path d="m4.8 10.4-1.8.9 9 4.5 9-4.5-1.8-.9-7.2 3.6-7.2-3.6z"/>
    <path d="m4.8 15.2-1.8.9 9 4.5 9-4.5-1.8-.9-7.2 3.6-7.2-3.6z"/>
  </g>
</svg>`;
