"""Re-executing what was run, comparing what came of it, and naming what made it differ."""
