# Ruby: blocks, hashes, big numbers, exceptions, regular expressions, formatted numbers.
puts RUBY_VERSION
h = Hash.new(0)
"the quick brown fox jumps over the lazy dog".each_char { |c| h[c] += 1 }
puts h.sort_by { |k, v| [-v, k] }.first(5).inspect
def fib(n) = n < 2 ? n : fib(n - 1) + fib(n - 2)
puts fib(16), 2 ** 300, (1..30).inject(:*)
begin
  Integer("x")
rescue ArgumentError => e
  puts e.message
ensure
  puts "ensured"
end
puts "2026-11-22"[/(\d+)-(\d+)/, 2], "a-b_c".tr("-_", "  ").split.map(&:capitalize).join
printf("%.10f %05d %s\n", Math.sqrt(2), 42, :sym.inspect)
Point = Struct.new(:x, :y) { def +(o) = Point.new(x + o.x, y + o.y) }
p Point.new(1, 2) + Point.new(3, 4)
puts (1..Float::INFINITY).lazy.select(&:even?).map { |i| i * i }.first(5).inspect
catch(:found) { 10.times { |i| throw :found if i == 3 } }
puts [3, 1, 2].sort.reverse.each_slice(2).to_a.inspect, 10.fdiv(3), 7.divmod(-2).inspect
exit 5
