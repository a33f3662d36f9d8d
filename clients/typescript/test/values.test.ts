import assert from "node:assert/strict";
import { test } from "node:test";
import { attributes, date, newest, plain, timestamp } from "@firstlight/client";

test("plain values become attributes and come back", () => {
  const values = {
    title: "Ünï 🎬",
    rating: 4.5,
    year: 1999n,
    huge: 2n ** 63n - 1n,
    sold: false,
    genres: ["calm", "new"],
    vector: [0.5, -1],
    released: new Date("1999-12-31T23:59:59.987Z"),
  };
  assert.deepEqual(plain(attributes(values)), values);
});

test("a whole number is an int64, another a double; what is not there is left out", () => {
  const { count, far, none, empty } = attributes({ count: 3, far: 1e300, none: null, gone: undefined, empty: [] });
  assert.deepEqual(count?.value, { $case: "int64Value", value: 3n });
  assert.deepEqual(far?.value, { $case: "doubleValue", value: 1e300 });
  assert.deepEqual(empty?.value, { $case: "stringListValue", value: { values: [] } });
  assert.equal(none, undefined);
  assert.deepEqual(plain({ unset: { value: undefined } }), { unset: undefined });
});

test("times before 1970 have positive nanoseconds", () => {
  assert.deepEqual(timestamp(new Date(-500)), { seconds: -1n, nanos: 500_000_000 });
  assert.equal(date({ seconds: -1n, nanos: 500_999_999 }).getTime(), -500);
});

test("of a long history the newest part is kept", () => {
  const history = Array.from({ length: 100_005 }, (_, i) => i);
  assert.equal(newest(history).length, 100_000);
  assert.equal(newest(history)[0], 5);
  assert.deepEqual(newest([1, 2]), [1, 2]);
});
