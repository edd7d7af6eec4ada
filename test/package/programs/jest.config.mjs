export default {
  testEnvironment: "node",
  transform: {},
  testMatch: ["**/*.test.mjs"],
  rootDir: ".",
  watchman: false,
};
