#pragma once

/// For threads whose work may be long and that nobody waits for at once: pages of a
/// mebibyte, read and written out. While there is a free core they are as quick as others;
/// while there is none, short work goes before theirs.
namespace troupe {

/// The calling thread gives way to the others of this process from now on (nice 10).
void give_way_to_others() noexcept;

} // namespace troupe
