<?php
// PHP: arrays, closures, generators, regular expressions, exceptions, JSON.
function fib($n) { return $n < 2 ? $n : fib($n - 1) + fib($n - 2); }
echo fib(16), "\n";
$words = array_count_values(explode(" ", "the quick brown fox jumps over the lazy dog the end"));
arsort($words); echo json_encode(array_slice($words, 0, 2)), "\n";
class P { function __construct(public int $x = 1, protected ?string $s = null) {} function __toString(): string { return "P{$this->x}"; } }
echo new P(3), " ", json_encode(new P(5, "hidden")), "\n";
function gen() { for ($i = 0; $i < 4; $i++) yield $i => $i * $i; }
foreach (gen() as $k => $v) echo "$k=$v ";
echo preg_replace('/(\d+)-(\d+)/', '$2/$1', "12-34"), " ", intdiv(7, 2), " ", 7 <=> 3, " ", PHP_INT_MAX + 1, "\n";
try { throw new DomainException("own"); } catch (Exception $e) { echo get_class($e), ":", $e->getMessage(), "\n"; }
printf("%05.2f|%s|%x|%'*10s\n", M_PI, var_export([1, 'a' => true], true), 255, "right");
echo md5("tern"), " ", sha1("tern"), " ", crc32("tern"), " ", strrev("abc"), " ", ucwords("one two"), "\n";
echo serialize([1.5, null, "x"]), " ", match(true) { 1 > 2 => "a", default => "b" }, "\n";
