// car-tuff - wooden toy car with a peg driver.
// View 1 front, 2 close-up of driver and wheels.
#version 3.7;
#include "shapes.inc"
#ifndef (AsModel) #include "lights.inc" #end
#include "materials.inc"

#declare CarYellow = <0.80, 0.46, 0.07>;
#declare CarWheelP = array[8] { <0,-0.55,0>, <1.3,-0.55,0.1>, <1.55,-0.45,0.3>, <1.55,0.45,0.3>, <1.3,0.55,0.15>, <0.95,0.55,0.1>, <0.9,0.42,0.1>, <0,0.42,0> };
#declare CarCapP = array[5] { <0,0.3,0>, <0.5,0.3,0>, <0.5,0.62,0.14>, <0.2,0.7,0.2>, <0,0.7,0> };

#declare CarWheel = union {
  object { Turned(CarWheelP, 96) M_Wood(WalnutA*1.3, WalnutB*1.6) }
  object { Turned(CarCapP, 48) M_Gloss(<0.62, 0.09, 0.05>) }
  rotate x*-90
}
// peg driver
#declare PegP = array[6] { <0,0,0>, <1.0,0,0.1>, <0.95,1.6,0.6>, <0.45,2.1,0.3>, <0.4,2.4,0>, <0,2.4,0> };
#declare Peg = union {
  object { Turned(PegP, 72) M_Satin(<0.10, 0.26, 0.36>) }
  sphere { <0, 2.95, 0>, 0.92 M_Satin(<0.80, 0.56, 0.38>) }
  // cap with a brim
  difference { sphere { <0, 3.0, 0>, 0.98 } plane { y, 3.2 rotate z*-8 } M_Satin(<0.62, 0.09, 0.05>) }
  object { RBox(<-0.6, 3.1, -0.6>, <1.5, 3.28, 0.6>, 0.08) M_Satin(<0.62, 0.09, 0.05>) rotate z*-4 }
  #for (I, -1, 1, 2) sphere { 0, 0.115 scale <0.6, 1.2, 1> translate <0.90, 2.92, 0> rotate y*I*20 texture { pigment { rgb 0.02 } finish { F_Gloss } } interior { I_Solid } } #end
}
#declare CarBody = union {
  // chassis with wheel arches
  difference {
    object { RBox(<-6.4, 1.0, -2.4>, <6.4, 3.9, 2.4>, 0.75) }
    #for (I, -1, 1, 2) cylinder { <I*3.7, 1.5, -3>, <I*3.7, 1.5, 3>, 1.85 } #end
    M_Wood(BeechA, BeechB) }
  object { RBox(<-5.6, 1.2, -1.5>, <5.6, 3.6, 1.5>, 0.3) M_Wood(BeechA*0.8, BeechB*0.8) }
  // bonnet and cab in paint
  object { RBox(<2.5, 3.5, -2.1>, <6.0, 4.9, 2.1>, 0.65) M_Gloss(CarYellow) }
  difference {
    object { RBox(<-6.0, 3.5, -2.1>, <2.9, 5.6, 2.1>, 0.65) }
    cylinder { <-0.9, 4.2, 0>, <-0.9, 7, 0>, 1.35 }
    M_Gloss(CarYellow) }
  // windscreen bar, lamps and bumpers
  object { RBox(<2.0, 5.2, -1.9>, <2.5, 7.0, 1.9>, 0.24) M_Wood(BeechA, BeechB) }
  #for (I, -1, 1, 2)
    cylinder { <6.2, 3.0, I*1.45>, <6.5, 3.0, I*1.45>, 0.46 M_Gloss(<0.88, 0.82, 0.68>) }
    cylinder { <I*3.7, 1.55, -2.6>, <I*3.7, 1.55, 2.6>, 0.35 M_Wood(BeechA, BeechB) }
  #end
  #for (I, -1, 1, 2) #for (J, -1, 1, 2)
    object { CarWheel scale <1, 1, -J> rotate z*J*30 translate <I*3.7, 1.55, J*2.65> }
  #end #end
  // branded on the side
  object { Decal("build/stamp.png", 1.75, 1.75, F_Matte) translate <0, 2.45, -2.404> }
}
#declare Car = union {
  object { CarBody }
  object { Peg rotate y*38 translate <-0.9, 4.15, 0> }
}

#ifndef (AsModel)
  Studio(1)
  #switch (View)
    #case (1) object { Car rotate y*24 } Shot(<0, 16, -56>, <0.1, 3.7, 0>, 15.8) #break
    #case (2) object { Car rotate y*50 } Shot(<4, 17, -40>, <0.8, 4.6, 0>, 13) #break
  #end
#end
