import Machine
func put(_ b: UInt8) { out8(0x3f8, b) }
@c(highlandEntry)
public func highlandEntry(_ record: UnsafePointer<BootRecord>) -> Never {
  put(72)
  put(10)
  out8(0xf4, 0x10)
  haltForever()
}
@c(highlandTrap)
public func highlandTrap(_ record: UnsafePointer<TrapFrame>) -> Never {
  put(84)
  put(10)
  haltForever()
}
