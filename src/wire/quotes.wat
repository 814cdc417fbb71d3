;; Finds the quotes of JSON text that no backslash escapes, 64 bytes at a time.
;;
;; Memory: the block to look through from 0 on, at most 8 KiB; what is found from 8192 on, one i32 per quote, which has
;; room for a block of nothing but quotes. `npm run wasm` assembles this file into quotes-wasm.ts.
(module
  (memory (export "memory") 1 1)

  ;; 1 when the last block's end escapes the first byte of the next one.
  (global $carry (mut i64) (i64.const 0))

  ;; One bit for each of the 64 bytes at $at that equals the byte of $like, the lowest bit for the first.
  (func $mask (param $at i32) (param $like v128) (result i64)
    (i64.or
      (i64.or
        (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $like) (v128.load (local.get $at)))))
        (i64.shl
          (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $like) (v128.load offset=16 (local.get $at)))))
          (i64.const 16)))
      (i64.or
        (i64.shl
          (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $like) (v128.load offset=32 (local.get $at)))))
          (i64.const 32))
        (i64.shl
          (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $like) (v128.load offset=48 (local.get $at)))))
          (i64.const 48)))))

  ;; Writes the positions of the unescaped quotes in the first $length bytes and returns how many they are. With $fresh the
  ;; text starts with this block, without it the block goes on where the last one, a multiple of 64 bytes, ended.
  (func (export "find") (param $length i32) (param $fresh i32) (result i32)
    (local $at i32)
    (local $out i32)
    (local $quotes i64)
    (local $slashes i64)
    (local $starts i64)
    (local $carry i64)
    (local.set $out (i32.const 8192))
    (local.set $carry (select (i64.const 0) (global.get $carry) (local.get $fresh)))

    ;; What an earlier block left behind $length is no text. After a full block this falls on the output, yet unwritten.
    (v128.store (local.get $length) (v128.const i64x2 0 0))
    (v128.store offset=16 (local.get $length) (v128.const i64x2 0 0))
    (v128.store offset=32 (local.get $length) (v128.const i64x2 0 0))
    (v128.store offset=48 (local.get $length) (v128.const i64x2 0 0))

    (loop $chunks
      (if (i32.lt_u (local.get $at) (local.get $length))
        (then
          (local.set $quotes (call $mask (local.get $at) (v128.const i32x4 0x22222222 0x22222222 0x22222222 0x22222222)))
          ;; Without a quote, backslashes matter at the end only.
          (if
            (i32.and
              (i64.eqz (local.get $quotes))
              (i32.ne (i32.load8_u offset=63 (local.get $at)) (i32.const 0x5c)))
            (then (local.set $carry (i64.const 0)))
            (else
              (local.set $slashes (call $mask (local.get $at) (v128.const i32x4 0x5c5c5c5c 0x5c5c5c5c 0x5c5c5c5c 0x5c5c5c5c)))
              (if (i64.ne (i64.or (local.get $slashes) (local.get $carry)) (i64.const 0))
                (then
                  ;; The first byte, when escaped, neither ends a string nor escapes anything.
                  (local.set $slashes (i64.and (local.get $slashes) (i64.xor (local.get $carry) (i64.const -1))))
                  (local.set $quotes (i64.and (local.get $quotes) (i64.xor (local.get $carry) (i64.const -1))))
                  (local.set $starts
                    (i64.and
                      (local.get $slashes)
                      (i64.xor (i64.shl (local.get $slashes) (i64.const 1)) (i64.const -1))))
                  ;; A run of backslashes escapes the byte after it when it is of odd length, that is, when the run's start and
                  ;; that byte are one even and one odd. Adding its start to a run clears it and sets the bit of that byte.
                  (local.set $quotes
                    (i64.and
                      (local.get $quotes)
                      (i64.xor
                        (i64.or
                          (i64.and
                            (i64.add
                              (local.get $slashes)
                              (i64.and (local.get $starts) (i64.const 0x5555555555555555)))
                            (i64.const 0xaaaaaaaaaaaaaaaa))
                          (i64.and
                            (i64.add
                              (local.get $slashes)
                              (i64.and (local.get $starts) (i64.const 0xaaaaaaaaaaaaaaaa)))
                            (i64.const 0x5555555555555555)))
                        (i64.const -1))))
                  ;; The run at the end goes on, as far as its parity tells, into the next chunk.
                  (local.set $carry
                    (i64.and
                      (i64.clz (i64.xor (local.get $slashes) (i64.const -1)))
                      (i64.const 1)))))
              (block $written
                (loop $bits
                  (br_if $written (i64.eqz (local.get $quotes)))
                  (i32.store
                    (local.get $out)
                    (i32.add (local.get $at) (i32.wrap_i64 (i64.ctz (local.get $quotes)))))
                  (local.set $out (i32.add (local.get $out) (i32.const 4)))
                  (local.set $quotes
                    (i64.and (local.get $quotes) (i64.sub (local.get $quotes) (i64.const 1))))
                  (br $bits)))))
          (local.set $at (i32.add (local.get $at) (i32.const 64)))
          (br $chunks))))
    (global.set $carry (local.get $carry))
    (i32.shr_u (i32.sub (local.get $out) (i32.const 8192)) (i32.const 2))))
