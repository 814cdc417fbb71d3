import {
  BOOL,
  BYTES,
  type CelType,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  listOf,
  mapOf,
  NULL,
  STRING,
  TIMESTAMP,
  TYPE,
  typeOf,
  UINT,
  variable,
} from "./cel-types.ts";

/** One way to call a function; the target of a method call is the first parameter. */
export interface Overload {
  readonly method: boolean;
  readonly parameters: readonly CelType[];
  readonly result: CelType;
}

const A = variable("A");
const B = variable("B");
const LIST = listOf(A);
const MAP = mapOf(A, B);
const NUMBERS = [INT, UINT, DOUBLE];
const ORDERED = [BOOL, ...NUMBERS, STRING, BYTES, TIMESTAMP, DURATION];

function plain(parameters: readonly CelType[], result: CelType): Overload {
  return { method: false, parameters, result };
}

function method(parameters: readonly CelType[], result: CelType): Overload {
  return { method: true, parameters, result };
}

/** An operator over two values of one type, which is also the result's. */
function closed(types: readonly CelType[]): Overload[] {
  return types.map((type) => plain([type, type], type));
}

function comparison(types: readonly CelType[]): Overload[] {
  return types.map((type) => plain([type, type], BOOL));
}

/** A conversion from any of some types. */
function conversion(result: CelType, from: readonly CelType[]): Overload[] {
  return from.map((type) => plain([type], result));
}

/** A part of a timestamp, in UTC or in the time zone given. */
const TIMESTAMP_PART = [method([TIMESTAMP], INT), method([TIMESTAMP, STRING], INT)];
const TIME_PART = [...TIMESTAMP_PART, method([DURATION], INT)];

/**
 * The standard functions under the names that the parser gives them
 * (https://github.com/google/cel-spec/blob/master/doc/langdef.md#list-of-standard-definitions). As in cel-go without
 * options, numbers of different types do not compare.
 */
export const CEL_FUNCTIONS: ReadonlyMap<string, readonly Overload[]> = new Map<string, readonly Overload[]>([
  ["_?_:_", [plain([BOOL, A, A], A)]],
  ["_&&_", closed([BOOL])],
  ["_||_", closed([BOOL])],
  ["!_", [plain([BOOL], BOOL)]],
  ["@not_strictly_false", [plain([BOOL], BOOL)]],
  ["_==_", comparison([A])],
  ["_!=_", comparison([A])],
  ["_<_", comparison(ORDERED)],
  ["_<=_", comparison(ORDERED)],
  ["_>_", comparison(ORDERED)],
  ["_>=_", comparison(ORDERED)],
  [
    "_+_",
    [
      ...closed([...NUMBERS, STRING, BYTES, DURATION, LIST]),
      plain([TIMESTAMP, DURATION], TIMESTAMP),
      plain([DURATION, TIMESTAMP], TIMESTAMP),
    ],
  ],
  [
    "_-_",
    [
      ...closed([...NUMBERS, DURATION]),
      plain([TIMESTAMP, DURATION], TIMESTAMP),
      plain([TIMESTAMP, TIMESTAMP], DURATION),
    ],
  ],
  ["_*_", closed(NUMBERS)],
  ["_/_", closed(NUMBERS)],
  ["_%_", closed([INT, UINT])],
  ["-_", [plain([INT], INT), plain([DOUBLE], DOUBLE)]],
  ["_[_]", [plain([LIST, INT], A), plain([MAP, A], B)]],
  ["@in", [plain([A, LIST], BOOL), plain([A, MAP], BOOL)]],
  ["size", [STRING, BYTES, LIST, MAP].flatMap((type) => [plain([type], INT), method([type], INT)])],
  ["contains", [method([STRING, STRING], BOOL)]],
  ["startsWith", [method([STRING, STRING], BOOL)]],
  ["endsWith", [method([STRING, STRING], BOOL)]],
  ["matches", [plain([STRING, STRING], BOOL), method([STRING, STRING], BOOL)]],
  ["bool", conversion(BOOL, [BOOL, STRING])],
  ["bytes", conversion(BYTES, [BYTES, STRING])],
  ["double", conversion(DOUBLE, [...NUMBERS, STRING])],
  ["duration", conversion(DURATION, [DURATION, INT, STRING])],
  ["dyn", conversion(DYN, [A])],
  ["int", conversion(INT, [...NUMBERS, STRING, DURATION, TIMESTAMP])],
  ["string", conversion(STRING, [...NUMBERS, BOOL, STRING, BYTES, DURATION, TIMESTAMP])],
  ["timestamp", conversion(TIMESTAMP, [TIMESTAMP, INT, STRING])],
  ["type", conversion(typeOf(A), [A])],
  ["uint", conversion(UINT, [...NUMBERS, STRING])],
  ["getFullYear", TIMESTAMP_PART],
  ["getMonth", TIMESTAMP_PART],
  ["getDate", TIMESTAMP_PART],
  ["getDayOfMonth", TIMESTAMP_PART],
  ["getDayOfWeek", TIMESTAMP_PART],
  ["getDayOfYear", TIMESTAMP_PART],
  ["getHours", TIME_PART],
  ["getMinutes", TIME_PART],
  ["getSeconds", TIME_PART],
  ["getMilliseconds", TIME_PART],
]);

/** Names of types, which are values too. */
export const CEL_TYPE_NAMES: ReadonlyMap<string, CelType> = new Map([
  ["bool", typeOf(BOOL)],
  ["bytes", typeOf(BYTES)],
  ["double", typeOf(DOUBLE)],
  ["int", typeOf(INT)],
  ["list", typeOf(listOf(DYN))],
  ["map", typeOf(mapOf(DYN, DYN))],
  ["null_type", typeOf(NULL)],
  ["string", typeOf(STRING)],
  ["type", typeOf(TYPE)],
  ["uint", typeOf(UINT)],
  ["google.protobuf.Duration", typeOf(DURATION)],
  ["google.protobuf.Timestamp", typeOf(TIMESTAMP)],
]);
