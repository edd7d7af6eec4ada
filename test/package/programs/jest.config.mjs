export default {
  testEnvironment: "node",
  transform: {},
  testMatch: ["**/play.test.mjs"],
  rootDir: ".",
  watchman: false,
};
