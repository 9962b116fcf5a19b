// Chunks named after their modules, so that `jlpm size` can say which promise a byte counts against.
module.exports = { optimization: { chunkIds: 'named' } };
