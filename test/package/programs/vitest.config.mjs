const of = (pool) => ({ test: { name: pool, pool, globals: true, include: ["*.test.mjs"] } });
export default { test: { projects: [of("forks"), of("threads"), of("vmThreads")] } };
